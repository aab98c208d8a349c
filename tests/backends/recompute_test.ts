import assert from "node:assert/strict";
import type { Backend, Precision } from "../../backends/backend.ts";
import { createBackend } from "../../backends/mod.ts";
import { smallConfig, Trainee } from "./webgpu/_trainee.ts";
import { webgpuTest } from "./webgpu/_backend.ts";

/** Deep enough that activations are most of the memory, with drop path in every block but the first. */
const config = {
  ...smallConfig,
  embedDim: 8,
  depth: 6,
  earlyLayers: 5,
  codes: 16,
  dropPathRate: 0.4,
};

/** Gradients and the most bytes on the way to them, weights apart; nothing is left behind. */
async function gradientsOf(
  backend: Backend,
  precision: Precision,
  recompute: number,
): Promise<{ loss: number; gradients: number[][]; peakBytes: number }> {
  const trainee = new Trainee(backend, precision, { config, recompute, batch: 2 });
  const before = backend.memory();
  const { loss, gradients } = trainee.gradients(3);
  const values = await Promise.all(gradients.map(async (gradient) => [...await gradient.data()]));
  const result = { loss: (await loss.data())[0], gradients: values };
  for (const tensor of [loss, ...gradients]) tensor.dispose();
  assert.equal(backend.memory().tensors, before.tensors);
  const { peakBytes } = backend.memory();
  trainee.dispose();
  return { ...result, peakBytes: peakBytes! - before.bytes };
}

/** Largest distance of a gradient to the expected one, relative to its length. */
function largestError(found: number[][], expected: number[][]): number {
  return Math.max(...expected.map((values, index) => {
    const distance = Math.hypot(...values.map((value, i) => value - found[index][i]));
    return distance / Math.max(Math.hypot(...values), 1e-30);
  }));
}

/**
 * Sums over several uses of a tensor come in another order, so the last bits differ (of float16, where
 * sums are stored so). The more blocks
 * are recomputed the lower the peak, so the runs with most come first.
 */
async function check(backend: Backend, precision: Precision, tolerance: number): Promise<void> {
  const runs = [];
  for (const recompute of [7, 5, 0]) runs.push(await gradientsOf(backend, precision, recompute));
  const none = runs[2];
  assert.ok(none.gradients.flat().some((value) => value !== 0));
  for (const run of runs) {
    assert.ok(Math.abs(run.loss / none.loss - 1) <= tolerance, `${run.loss}, not ${none.loss}`);
    const error = largestError(run.gradients, none.gradients);
    assert.ok(error <= tolerance, `relative error ${error}`);
  }
  const [all, most, whole] = runs.map(({ peakBytes }) => peakBytes);
  assert.ok(all < 0.8 * whole && most < 0.85 * whole, `peaks of ${[all, most, whole]} bytes`);
}

for (const name of ["reference", "cpu"] as const) {
  Deno.test(`${name}: recomputed blocks give the same gradients and lower the peak`, async () => {
    const { backend } = await createBackend(name);
    try {
      await check(backend, "float32", 1e-6);
    } finally {
      await backend.dispose();
    }
  });
}

for (const [precision, tolerance] of [["float32", 1e-6], ["float16", 5e-3]] as const) {
  webgpuTest(
    `webgpu, ${precision}: recomputed blocks give the same gradients and lower the peak`,
    (backend) => check(backend, precision, tolerance),
  );
}
