/**
 * A short test of a backend: whether it computes correctly, and how fast.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import type { Backend, Context } from "../../backends/backend.ts";
import {
  type ConformanceCase,
  conformanceCases,
  runConformance,
} from "../../backends/conformance.ts";
import { linear } from "../../backends/ops/linear.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { Generator } from "../../core/generator.ts";
import { type BeitConfig, vitBase } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { MaskedImageModel, maskedPositions } from "../../models/masked_image_model.ts";
import { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { parameterGroups } from "../../pipeline/optimize/parameter_groups.ts";

/** Seconds since some fixed moment. */
export type Clock = () => number;

/** The results of a backend's test. */
export interface SelfTest {
  /** Whether everything was correct. */
  readonly ok: boolean;
  /** Cases of the conformance suite, one per op. */
  readonly conformance: {
    readonly passed: number;
    readonly failed: number;
    /** What failed: case and reason. */
    readonly failures: readonly string[];
  };
  /** A product of two square matrices in float32, the fastest of several. */
  readonly product: { readonly size: number; readonly gigaflops: number };
  /** Steps of a tiny model on one batch: its loss must fall. */
  readonly step: {
    readonly imagesPerSecond: number;
    readonly lossBefore: number;
    readonly lossAfter: number;
  };
  readonly seconds: number;
}

/** For each op the second float32 case, if there are two: the first ones have a single element. */
function chooseCases(): Set<ConformanceCase> {
  const ofOp = new Map<string, ConformanceCase[]>();
  for (const candidate of conformanceCases()) {
    if (candidate.precision !== "float32") continue;
    ofOp.set(candidate.op, [...ofOp.get(candidate.op) ?? [], candidate]);
  }
  return new Set([...ofOp.values()].map(([first, second]) => second ?? first));
}

async function checkOps(backend: Backend): Promise<SelfTest["conformance"]> {
  const chosen = chooseCases();
  const results = await runConformance(backend, { filter: (candidate) => chosen.has(candidate) });
  const failed = results.filter(({ status }) => status === "failed");
  return {
    passed: results.filter(({ status }) => status === "passed").length,
    failed: failed.length,
    failures: failed.map(({ name, message }) => `${name}: ${message}`),
  };
}

const largestProduct = 4096;
/** Products that take at least this long can be timed. */
const wantedSeconds = 0.05;

/** Seconds for one product of matrices of `size`², the best of `times`. */
async function timeProduct(on: Context, size: number, times: number, now: Clock): Promise<number> {
  const { backend } = on;
  const [x, weight] = backend.run(() => [tf.ones([size, size]), tf.ones([size, size])]);
  let best = Infinity;
  for (let time = 0; time < times; time++) {
    await backend.sync();
    const start = now();
    const result = backend.run(() => tf.tidy(() => linear(on, x, weight, null)));
    await backend.sync();
    best = Math.min(best, now() - start);
    result.dispose();
  }
  tf.dispose([x, weight]);
  return best;
}

/** Doubles the matrices until a product takes long enough to time. */
async function measureProduct(on: Context, now: Clock): Promise<SelfTest["product"]> {
  let size = 128;
  let seconds = await timeProduct(on, size, 2, now);
  while (seconds < wantedSeconds && size < largestProduct) {
    size *= 2;
    seconds = await timeProduct(on, size, 2, now);
  }
  seconds = Math.min(seconds, await timeProduct(on, size, 2, now));
  return { size, gigaflops: 2 * size ** 3 / seconds / 1e9 };
}

const batch = 4;
const learningRate = 1e-3;

const tinyModel: BeitConfig = {
  ...vitBase,
  imageSize: 32,
  patchSize: 4,
  embedDim: 48,
  depth: 3,
  heads: 3,
  earlyLayers: 2,
  headLayers: 1,
  codes: 64,
  initVariant: "xavier",
  dropPathRate: 0,
};

/** Images, mask and codes of one batch, the same for every step. */
function exampleBatch() {
  const generator = Generator.from(7);
  const patches = (tinyModel.imageSize / tinyModel.patchSize) ** 2;
  const mask = Uint8Array.from({ length: batch * patches }, (_, i) => i % 5 < 2 ? 1 : 0);
  const pixels = batch * 3 * tinyModel.imageSize ** 2;
  const positions = maskedPositions(mask);
  return {
    images: Float32Array.from({ length: pixels }, () => generator.uniform(-1, 1)),
    mask,
    targets: Int32Array.from(positions, () => generator.integer(0, tinyModel.codes - 1)),
  };
}

/** One step; returns its loss. */
async function runStep(
  on: Context,
  model: MaskedImageModel,
  optimizer: Optimizer,
  example: ReturnType<typeof exampleBatch>,
): Promise<number> {
  const { imageSize } = tinyModel;
  const loss = on.backend.run(() =>
    tf.tidy(() => {
      const tape = Tape.open();
      try {
        const images = tf.tensor4d(example.images, [batch, 3, imageSize, imageSize]);
        const { loss } = model.loss(on, {
          ...model.encode(on, images, { mask: example.mask, dropPath: null }),
          targets: tf.tensor1d(example.targets, "int32"),
        });
        const values = optimizer.parameters.map(({ value }) => value);
        optimizer.update(on, tape.gradients(loss, values), () => learningRate);
        return loss;
      } finally {
        tape.close();
      }
    })
  );
  const [value] = await loss.data();
  loss.dispose();
  return value;
}

/** Trains a tiny model on one batch for about `seconds`, not counting the first step, which warms up. */
async function measureStep(
  on: Context,
  now: Clock,
  seconds: number,
): Promise<SelfTest["step"]> {
  const initialise = initialiseBeit(tinyModel, Generator.from(7));
  const model = MaskedImageModel.create(on, tinyModel, initialise);
  const { trainable } = model.parameters;
  const groups = parameterGroups(trainable, { variant: "unilm", weightDecay: 0.05 });
  const optimizer = Optimizer.create(on, trainable, groups, {
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    maxGradientNorm: 3,
    lossScaling: null,
  });
  try {
    const example = exampleBatch();
    const lossBefore = await runStep(on, model, optimizer, example);
    let [lossAfter, steps] = [lossBefore, 0];
    const start = now();
    do {
      lossAfter = await runStep(on, model, optimizer, example);
      steps++;
    } while (now() - start < seconds || steps < 2);
    return { imagesPerSecond: batch * steps / (now() - start), lossBefore, lossAfter };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

/**
 * Tests a backend in a few seconds: a case of the conformance suite for each op, the speed of a matrix product,
 * and some pretraining steps of a tiny model, whose loss must fall.
 *
 * @param now a clock, in seconds
 * @param seconds how long to measure the steps
 *
 * @example
 * ```ts
 * import { createBackend } from "../../backends/mod.ts";
 * import { selfTest } from "./self_test.ts";
 *
 * const { backend } = await createBackend("cpu", { threads: 1 });
 * const { ok, conformance } = await selfTest(backend, () => performance.now() / 1000, 0.1);
 * if (!ok) throw new Error(conformance.failures.join());
 * await backend.dispose();
 * ```
 */
export async function selfTest(backend: Backend, now: Clock, seconds = 1): Promise<SelfTest> {
  const on: Context = { backend, precision: "float32" };
  const start = now();
  const conformance = await checkOps(backend);
  const product = await measureProduct(on, now);
  const step = await measureStep(on, now, seconds);
  const ok = conformance.failed === 0 && step.lossAfter < step.lossBefore;
  return { ok, conformance, product, step, seconds: now() - start };
}
