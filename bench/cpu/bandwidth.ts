/**
 * Kernels that compute little for each number that they read or write, compared with a plain copy by the same
 * threads, in turns: bytes a second, and the share of what copying reaches. Matrices are larger than the caches;
 * each is counted once for reading and once for writing, however often a kernel passes over a row.
 *
 *     deno task bench bandwidth --threads 2 --provider auto --rows 12608 --columns 768 --rounds 15
 *
 * AdamW counts the pass for the gradients' norm. A share above 1 means more reading than writing.
 *
 * @module
 */

import { type CpuBackendOptions, createCpuBackend } from "../../backends/cpu/mod.ts";
import { rowCount, rowsOf, runRows } from "../../backends/cpu/rows/rows_task.ts";
import type { ArenaBackend } from "../../backends/cpu/tfjs/arena_backend.ts";
import { median } from "../../core/median.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import { readOptions } from "../options.ts";
import { calm, keep, timed } from "../report.ts";

const { options } = readOptions({
  threads: 2,
  provider: "auto",
  rows: 12_608,
  columns: 768,
  rounds: 15,
});
const { threads, rows, columns, rounds } = options;
const provider = options.provider as NonNullable<CpuBackendOptions["provider"]>;
const backend = await createCpuBackend({ threads, provider });
const { kernels } = backend;
const shape: [number, number] = [rows, columns];

const [x, dy, out, moments, squares] = backend.run(() =>
  Array.from({ length: 5 }, (_, seed) => tf.keep(tf.randomUniform(shape, 0.1, 1, "float32", seed)))
);
const [weight, bias] = backend.run(
  () => [tf.keep(tf.ones([columns])), tf.keep(tf.zeros([columns]))],
);
const [targets, scaler] = backend.run(() => [
  tf.keep(tf.zeros([rows], "int32")),
  tf.keep(tf.tensor1d([1, 0, 0, 0])),
]);
const runtime = backend.run(() => {
  const tensors = tf.backend() as unknown as ArenaBackend;
  return { tensors, pool: tensors.pool };
});
const saved = backend.run(() => {
  const { y, saved } = kernels.layerNorm!.forward({ x, weight, bias, epsilon: 1e-6 });
  y.dispose();
  return saved.map((tensor) => tf.keep(tensor));
});
const state = backend.run(() => tf.keep(tf.zeros([rows, 4])));

/** `kernel` of this backend on rows. */
function onRows(kernel: string, values: Parameters<typeof runRows>[3]): () => void {
  return () => runRows(runtime, kernel, { rows, columns }, values);
}

function free(results: Readonly<Record<string, Tensor | Tensor[] | null | undefined>>): void {
  tf.dispose(Object.values(results).filter((result) => result !== null) as Tensor[]);
}

const norm = { x, weight, bias, epsilon: 1e-6 };
const branch = { branch: x, gamma: weight, keep: null };
const bytes = columns * 4;

/** How many matrices each reads and writes, and what it does. */
const work: Readonly<Record<string, readonly [matrices: number, run: () => void]>> = {
  copy: [
    2,
    onRows("copyRows", [rowsOf(runtime, x), bytes, rowsOf(runtime, out), bytes, rowCount, columns]),
  ],
  layerNorm: [2, () => free(kernels.layerNorm!.forward(norm))],
  layerNormBackward: [3, () => free(kernels.layerNorm!.backward({ ...norm, dy, saved }))],
  residual: [3, () => free(kernels.residual!.forward({ ...branch, x: dy }))],
  residualBackward: [3, () => free(kernels.residual!.backward({ ...branch, dy }))],
  softmax: [
    2,
    onRows("exponentials", [
      rowsOf(runtime, out),
      bytes,
      rowCount,
      columns,
      rowsOf(runtime, saved[0]),
    ]),
  ],
  crossEntropy: [
    1,
    onRows("logitStatistics", [
      rowsOf(runtime, x),
      bytes,
      rowCount,
      columns,
      0,
      rowsOf(runtime, targets),
      rowsOf(runtime, state),
    ]),
  ],
  adamW: [8, () =>
    kernels.adamW!({
      parameters: [out],
      gradients: [dy],
      firstMoments: [moments],
      secondMoments: [squares],
      learningRates: [1e-3],
      weightDecays: [0.05],
      beta1: 0.9,
      beta2: 0.98,
      epsilon: 1e-8,
      maxGradientNorm: 3,
      scaler,
      growthInterval: null,
    }).dispose()],
};

const seconds = Object.fromEntries(Object.keys(work).map((name) => [name, [] as number[]]));
for (let round = 0; round <= rounds; round++) {
  for (const [name, [, run]] of Object.entries(work)) {
    await calm();
    const found = backend.run(() => {
      // The first one wakes the threads up.
      run();
      return timed(run);
    });
    // The first round touches the memory.
    if (round > 0) seconds[name].push(found);
  }
}
const gigabytes = rows * columns * 4 / 1e9;
const rate = (name: string) => work[name][0] * gigabytes / median(seconds[name]);
const results = Object.keys(work).map((name) => ({
  name,
  gigabytesPerSecond: Number(rate(name).toFixed(1)),
  shareOfCopy: Number((rate(name) / rate("copy")).toFixed(2)),
}));
console.table(results);
await keep(`cpu_bandwidth_${options.provider}_${threads}`, { ...options, results, seconds });
await backend.dispose();
