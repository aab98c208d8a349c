import assert from "node:assert/strict";
import { createCpuBackend } from "../../../../backends/cpu/mod.ts";
import { stepSample, timeStep } from "../../../../pipeline/engine/computing/time_step.ts";

Deno.test("a step's sample runs in every format that a backend has, and leaves nothing behind", async () => {
  const backend = await createCpuBackend({ threads: 1 });
  try {
    const sizes = { imageSize: 16, patchSize: 4, embedDim: 16, heads: 2, mlpRatio: 2 };
    const formats = ["float32", ...backend.capabilities.reducedPrecisions] as const;
    const before = backend.memory();
    const times = timeStep(backend, stepSample(sizes, 2), formats);
    assert.equal(times.length, formats.length);
    for (const milliseconds of times) assert.ok(milliseconds > 0);
    assert.deepEqual(
      [backend.memory().tensors, backend.memory().bytes],
      [before.tensors, before.bytes],
    );
  } finally {
    await backend.dispose();
  }
});
