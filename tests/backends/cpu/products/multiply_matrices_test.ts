/** Every op, and pretraining steps, in bfloat16 on tile registers, executed by the model of the processor. */

import assert from "node:assert/strict";
import { formatConformance, runConformance } from "../../../../backends/conformance.ts";
import { createReferenceBackend } from "../../../../backends/reference/mod.ts";
import { Trainee } from "../../../../bench/trainee.ts";
import type { Backend } from "../../../../backends/backend.ts";
import { type BeitConfig, vitBase } from "../../../../models/beit_config.ts";
import { createModelBackend } from "../_model_backend.ts";
import { pairKernels, tileKernels } from "../_model_kernels.ts";

Deno.test("every op conforms in bfloat16 on tile registers", async () => {
  const backend = createModelBackend([...tileKernels, ...pairKernels]);
  const results = await runConformance(backend, {
    filter: ({ precision }) => precision === "bfloat16",
  });
  const failures = results.filter(({ status }) => status !== "passed");
  assert.equal(failures.length, 0, `\n${formatConformance(failures)}`);
  const ops = new Set(results.map(({ op }) => op));
  for (const op of ["linear", "attention", "linearCrossEntropy", "patchEmbed"]) {
    assert.ok(ops.has(op), op);
  }
  assert.ok(backend.tiles.counts.tdpbf16ps > 0);
  await backend.dispose();
});

const tiny: BeitConfig = {
  ...vitBase,
  imageSize: 24,
  patchSize: 4,
  embedDim: 48,
  depth: 2,
  heads: 2,
  earlyLayers: 1,
  headLayers: 1,
  codes: 40,
};

/** The losses of a few pretraining steps in bfloat16. */
function train(backend: Backend): number[] {
  const trainee = new Trainee(backend, { config: tiny, batch: 2, precision: "bfloat16" });
  return Array.from({ length: 3 }, () => {
    const loss = trainee.step();
    const [value] = loss.dataSync();
    loss.dispose();
    return value;
  });
}

Deno.test("pretraining steps on tile registers have the losses of the reference backend", async () => {
  const backend = createModelBackend([...tileKernels, ...pairKernels]);
  const reference = await createReferenceBackend();
  const [actual, expected] = [train(backend), train(reference)];
  assert.ok(expected[2] < expected[0], `${expected}`);
  expected.forEach((loss, step) =>
    assert.ok(Math.abs(actual[step] - loss) < 5e-3 * loss, `${actual} instead of ${expected}`)
  );
  assert.ok(backend.tiles.counts.tdpbf16ps > 0);
  await backend.dispose();
  await reference.dispose();
});
