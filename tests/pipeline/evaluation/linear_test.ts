import assert from "node:assert/strict";
import { createBackend } from "../../../backends/mod.ts";
import { Generator } from "../../../core/generator.ts";
import type { FeatureSet } from "../../../pipeline/evaluation/features.ts";
import { linearAccuracy } from "../../../pipeline/evaluation/linear.ts";

const [classes, width] = [3, 5];

/** Rows around a direction of their class; `noise` decides how far they overlap. */
function overlapping(seed: number, count: number, noise: number): FeatureSet {
  const generator = Generator.from(seed);
  const labels = Int32Array.from({ length: count }, (_, row) => row % classes);
  const values = Float32Array.from({ length: count * width }, (_, index) => {
    const [row, column] = [Math.floor(index / width), index % width];
    const centre = column === labels[row] ? 1 : 0;
    return 10 * column + centre + generator.uniform(-noise, noise);
  });
  return { values, count, width, labels };
}

Deno.test("linearAccuracy() separates what is separable, on every backend alike", async () => {
  for (const name of ["reference", "cpu"] as const) {
    const { backend } = await createBackend(name, { threads: 1 });
    const on = { backend, precision: "float32" } as const;
    const before = backend.memory().tensors;
    const [clear, hard] = [0.3, 1.5].map((noise) =>
      linearAccuracy(on, overlapping(1, 90, noise), overlapping(2, 60, noise), classes)
    );
    assert.equal((await clear).top1, 1, name);
    // Found with the composition out of tfjs' own operations, too.
    assert.equal(Math.round(60 * (await hard).top1), 40, name);
    assert.equal((await hard).top5, 1, name);
    assert.equal(backend.memory().tensors, before, `${name} keeps tensors`);
    await backend.dispose();
  }
});
