/** The conformance suite in bfloat16 on tile registers, executed by the model of the processor. */

import assert from "node:assert/strict";
import { formatConformance, runConformance } from "../../../../backends/conformance.ts";
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
