import assert from "node:assert/strict";
import { partsOf } from "../../../../bench/webgpu/check/parts.ts";

const options = { webgpu: "deno,dawn", python: "python3", device: "cuda", fixtures: "f" };

Deno.test("a check has steps of both models in both precisions, numbers, products and attention", () => {
  const parts = partsOf({ ...options, small: false });
  const names = parts.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const webgpu of ["deno", "dawn"]) {
    const own = names.filter((name) => name.endsWith(` ${webgpu}`));
    assert.deepEqual(own, [
      ...["vit_s", "vit_b"].flatMap((model) =>
        ["float16", "float32"].map((precision) => `step ${model} ${precision} ${webgpu}`)
      ),
      ...["correctness", "products", "attention"].map((name) => `${name} ${webgpu}`),
    ]);
  }
  const step = parts[0].args.join(" ");
  assert.equal(
    step,
    "vit_s --batch 64 --rounds 3 --precision float16 --webgpu deno --python python3 --device cuda",
  );
});

Deno.test("a small check has the same programs, and one implementation if asked for one", () => {
  const programs = (small: boolean, webgpu: string) =>
    new Set(partsOf({ ...options, webgpu, small }).map(({ program }) => program));
  assert.deepEqual(programs(true, "deno"), programs(false, "deno,dawn"));
  const args = partsOf({ ...options, webgpu: "deno", small: true }).flatMap(({ args }) => args);
  assert.ok(args.includes("quickstart") && !args.includes("vit_b") && !args.includes("dawn"));
});
