import assert from "node:assert/strict";
import { UserError } from "../../../core/errors.ts";
import { compareFixtures } from "../../../bench/parity/compare_fixtures.ts";
import { evaluateFormula, parseFormula } from "../../../bench/parity/formula.ts";
import { createBackend } from "../../../backends/mod.ts";
import { allFixtures } from "./_folder.ts";

Deno.test("a formula is read by Python's precedence", () => {
  const at = (formula: string, ...places: number[]) => parseFormula(`v[a,b] = ${formula}`)(places);
  assert.equal(at("1 + 2*a - b/4", 3, 8), 5);
  assert.equal(at("-a**2", 3, 0), -9);
  assert.equal(at("2**3**a", 2, 0), 512);
  assert.equal(at("(a*37 + b*1009 + 5) mod 8192 for patch a in row-major order", 300, 7), 1784);
  assert.equal(at("-7 % 3", 0, 0), 2);
  assert.equal(
    at("sin(0.5*a) + cos(pi), float64 then cast", 1, 0),
    Math.sin(0.5) + Math.cos(Math.PI),
  );
  assert.equal(at("1.5e-3*a", 2, 0), 3e-3);
  assert.deepEqual([...evaluateFormula("v[a,b] = 10*a + b", [2, 3])], [0, 1, 2, 10, 11, 12]);
  for (
    const formula of ["v = 3", "v[a] = system(a)", "v[a] = (a", "v[a] = a a", "v[a] = constructor"]
  ) {
    assert.throws(() => parseFormula(formula), UserError);
  }
});

Deno.test("parity's geometry takes its inputs from the formulas of the fixture", async () => {
  const folder = allFixtures();
  const files = folder.files.filter((file) => file.startsWith("mim_geometry224"));
  const { backend } = await createBackend("cpu", { threads: 1 });
  const compare = (change: (text: string) => string) =>
    compareFixtures({
      files,
      read: async (file) => {
        const bytes = await folder.read(file);
        if (!file.endsWith(".json")) return bytes;
        return new TextEncoder().encode(change(new TextDecoder().decode(bytes)));
      },
    }, backend);
  const failed = async (change: (text: string) => string) =>
    (await compare(change)).filter(({ ok }) => !ok).map(({ quantity }) => quantity);
  assert.deepEqual(await failed((text) => text), []);
  assert.ok((await failed((text) => text.replace("sin(0.37", "sin(0.38"))).includes("feats"));
  const others = await failed((text) => text.replace("i*37", "i*38"));
  assert.ok(others.includes("loss_1") && !others.includes("feats"), others.join());
  await backend.dispose();
});
