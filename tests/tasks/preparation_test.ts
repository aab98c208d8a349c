import { resolveConfig } from "../../configs/resolve.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { classNamesOfRun, isOfRun, preparationOf, withData } from "../../tasks/run/preparation.ts";

const run = fileURLToPath(new URL("../fixtures/compat/0.1.0/runs/finetune", import.meta.url));

Deno.test("a run's classes and preparation are those of any file and checkpoint in it", () => {
  const expected = preparationOf(run);
  assert.deepEqual(classNamesOfRun(run), ["bright", "dark"]);
  const [step] = [...Deno.readDirSync(`${run}/checkpoints`)].map(({ name }) => name);
  for (const inside of ["best.safetensors", "config.json", `checkpoints/${step}`]) {
    assert.equal(isOfRun(`${run}/${inside}`), true, inside);
    assert.deepEqual(classNamesOfRun(`${run}/${inside}`), ["bright", "dark"], inside);
    assert.deepEqual(preparationOf(`${run}/${inside}`), expected, inside);
  }
  for (const other of ["/dev/null", `${run}/../../expected.json`, "/nowhere/x.safetensors"]) {
    assert.equal(classNamesOfRun(other), null, other);
  }
});

Deno.test("a flag that the data section does not take is named in one line", async () => {
  const { config } = await resolveConfig({ task: "finetune" });
  assert.throws(() => withData(config.data, { workers: 100_000 }), {
    name: "UserError",
    message:
      'Cannot use "workers" (data.workers): expected "auto" or a whole number ≥ 0 and ≤ 1024, ' +
      "found 100000",
  });
});
