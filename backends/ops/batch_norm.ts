import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/** What {@link batchNorm} returns in training: the result and the batch's statistics. */
export interface BatchNormOutput {
  readonly y: Tensor;
  /** Mean [C] of each channel. */
  readonly mean: Tensor;
  /** Variance [C] of each channel, divided by the number of rows. */
  readonly variance: Tensor;
}

/**
 * Batch norm by the statistics of the batch, in float32: (x − mean)/√(variance + ε)·weight + bias.
 *
 * Sums over the rows are products with a row of ones, which are fast on every backend.
 *
 * @param x [..., C]
 * @param weight [C]
 * @param bias [C]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { batchNorm } from "./batch_norm.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const { y } = batchNorm(on, tf.tensor([[1], [3]]), tf.tensor1d([2]), tf.tensor1d([5]), 0);
 *   if (String(y.dataSync()) !== "3,7") throw new Error(`${y}`);
 * });
 * ```
 */
export function batchNorm(
  _on: Context,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  epsilon: number,
): BatchNormOutput {
  const channels = weight.shape[0];
  const rows = tf.reshape(x, [-1, channels]);
  const [y, mean, variance] = recordKernel({
    inputs: { x: rows, weight, bias },
    forward: () => {
      const mean = columnMeans(rows);
      const centred = tf.sub(rows, mean);
      const variance = columnMeans(tf.square(centred));
      const scale = tf.div(weight, tf.sqrt(tf.add(variance, epsilon)));
      const y = tf.add(tf.mul(centred, scale), bias);
      return { outputs: [y, mean, variance], saved: [mean, variance] };
    },
    backward: ([dy], inputs, [mean, variance]) => {
      const count = inputs.x.shape[0]!;
      const inverse = tf.rsqrt(tf.add(variance, epsilon));
      const normalized = tf.mul(tf.sub(inputs.x, mean), inverse);
      const dbias = tf.mul(columnMeans(dy), count) as Tensor;
      const dweight = tf.mul(columnMeans(tf.mul(dy, normalized)), count) as Tensor;
      const shared = tf.add(dbias, tf.mul(normalized, dweight));
      const dx = tf.mul(tf.sub(dy, tf.div(shared, count)), tf.mul(inputs.weight, inverse));
      return { x: dx as Tensor, weight: dweight, bias: dbias };
    },
  });
  return { y: tf.reshape(y, x.shape), mean, variance };
}

/** [R, C] → [C]. */
function columnMeans(x: Tensor): Tensor {
  const [rows, columns] = x.shape as [number, number];
  const ones = tf.fill([1, rows], 1 / rows);
  return tf.reshape(tf.matMul(ones, x), [columns]);
}
