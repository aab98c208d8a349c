import assert from "node:assert/strict";
import { adamW } from "../../../../../backends/ops/adam_w.ts";
import type { Context } from "../../../../../backends/backend.ts";
import { Parameter } from "../../../../../backends/parameter.ts";
import { tf } from "../../../../../deps/tfjs.ts";
import { webgpuTest } from "../../_backend.ts";
import { relativeError, Samples } from "../../_compare.ts";
import { smallConfig, Trainee, withoutKernels } from "../../_trainee.ts";

/** What `work` gives on a device that binds no more than `bytes` of a buffer. */
function withLargestBinding<T>(bytes: number, work: () => T): T {
  const name = "maxStorageBufferBindingSize";
  const original = Object.getOwnPropertyDescriptor(GPUSupportedLimits.prototype, name)!;
  Object.defineProperty(GPUSupportedLimits.prototype, name, { ...original, get: () => bytes });
  try {
    return work();
  } finally {
    Object.defineProperty(GPUSupportedLimits.prototype, name, original);
  }
}

/** Two steps of parameters of two blocks each; → all that they changed, and their reports. */
function twoSteps(on: Context, count: number) {
  const samples = new Samples(7);
  const list = (scale = 1) =>
    Array.from(
      { length: count },
      (_, index) => new Parameter(`${index}`, tf.keep(samples.normal([300 + index], scale))),
    );
  const state = on.backend.run(() => ({
    parameters: list(),
    firstMoments: list(0),
    secondMoments: list(0),
    scaler: new Parameter("scaler", tf.keep(tf.tensor1d([1, 0, 0, 0]))),
  }));
  const rows = Array.from({ length: count }, (_, index) => index);
  const reports = [];
  for (let step = 0; step < 2; step++) {
    const gradients = on.backend.run(() => rows.map((index) => samples.normal([300 + index])));
    reports.push(on.backend.run(() =>
      tf.keep(adamW(on, state, gradients, {
        learningRates: rows.map((index) => 1e-3 * (1 + index)),
        weightDecays: rows.map(() => 0.05),
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-8,
        maxGradientNorm: 3,
        growthInterval: null,
      }))
    ));
    tf.dispose(gradients);
  }
  const moved = [...state.parameters, ...state.firstMoments, ...state.secondMoments];
  return [...moved.map(({ value }) => value), ...reports];
}

// A segment is as large as a binding may be: a gigabyte's arenas are made of kilobytes here.
for (const segments of [21, 40]) {
  webgpuTest(`AdamW updates parameters in ${segments} segments`, async (backend) => {
    const precision = "float32" as const;
    const expected = twoSteps({ backend: withoutKernels(backend), precision }, segments);
    const found = withLargestBinding(2048, () => twoSteps({ backend, precision }, segments));
    for (const [index, tensor] of found.entries()) {
      const error = await relativeError(tensor, expected[index]);
      assert.ok(error < 1e-5, `tensor ${index}: relative error ${error}`);
    }
  });
}

/** Copies between buffers in the third step of a model that deep. */
async function copiesOf(on: Context["backend"], depth: number): Promise<number> {
  const config = { ...smallConfig, depth, earlyLayers: depth - 1 };
  const trainee = new Trainee(on, "float32", { config });
  for (let step = 0; step < 2; step++) await trainee.step(step);
  const { prototype } = GPUCommandEncoder;
  const original = prototype.copyBufferToBuffer;
  let copies = 0;
  prototype.copyBufferToBuffer = function (this: GPUCommandEncoder, ...given: unknown[]) {
    copies++;
    return Reflect.apply(original, this, given);
  } as typeof original;
  try {
    await trainee.step(2);
  } finally {
    prototype.copyBufferToBuffer = original;
  }
  return copies;
}

webgpuTest("a block's gradients are computed where the update expects them", async (backend) => {
  const [few, many] = [await copiesOf(backend, 2), await copiesOf(backend, 5)];
  assert.ok(few > 0, "nothing was counted");
  assert.equal(many, few);
});
