/**
 * k-means by Euclidean distance: the codes of tokenizers that need no training.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { codeStatistics } from "../backends/ops/code_statistics.ts";
import { linear } from "../backends/ops/linear.ts";
import type { Generator } from "../core/generator.ts";

const rowsAtOnce = 4096;

/** The nearest mean for each row by Euclidean distance, [n, D] and [K, D] → int32 [n]. */
export function nearestMean(on: Context, rows: Tensor, means: Tensor): Tensor {
  const exact: Context = { ...on, precision: "float32" };
  // In |x − m|², only x·m − |m|²/2 depends on the mean; the distance is smallest where it is
  // largest.
  const bias = tf.mul(tf.sum(tf.square(means), 1), -0.5) as Tensor;
  return tf.argMax(linear(exact, rows, means, bias), -1);
}

/** K different rows of [n, D], in random order; rows repeat if there are fewer. */
function differentRows(rows: Float32Array, width: number, codes: number, generator: Generator) {
  const count = rows.length / width;
  const order = generator.permutation(count);
  const seen = new Set<string>();
  const chosen: number[] = [];
  for (const row of order) {
    if (chosen.length === codes) break;
    const key = rows.subarray(row * width, (row + 1) * width).join();
    if (seen.has(key)) continue;
    seen.add(key);
    chosen.push(row);
  }
  for (let i = 0; chosen.length < codes; i++) chosen.push(chosen[i]);
  return Int32Array.from(chosen);
}

/** One round of Lloyd's algorithm, samples [n, D] and means [K, D] → means [K, D]. */
function updateMeans(on: Context, samples: Tensor, means: Tensor): Tensor {
  const [count, codes] = [samples.shape[0], means.shape[0]];
  let counts: Tensor = tf.zeros([codes]);
  let sums: Tensor = tf.zeros(means.shape);
  for (let start = 0; start < count; start += rowsAtOnce) {
    const size = Math.min(rowsAtOnce, count - start);
    [counts, sums] = tf.tidy(() => {
      const part = tf.slice(samples, start, size);
      const own = codeStatistics(on, part, nearestMean(on, part, means), codes);
      return [tf.add(counts, own.counts) as Tensor, tf.add(sums, own.sums) as Tensor];
    });
  }
  const members = tf.broadcastTo(tf.reshape(counts, [-1, 1]), means.shape);
  return tf.where(tf.greater(members, 0), tf.div(sums, tf.maximum(members, 1)), means);
}

/**
 * The means of samples [n, D], from `codes` different ones on: [codes, D], kept.
 *
 * A mean without members stays where it is.
 */
export async function fitMeans(
  on: Context,
  samples: Tensor,
  codes: number,
  iterations: number,
  generator: Generator,
): Promise<Tensor> {
  const values = await samples.data() as Float32Array;
  const first = differentRows(values, samples.shape[1]!, codes, generator);
  return on.backend.run(() => {
    let means: Tensor = tf.tidy(() => tf.gather(samples, tf.tensor1d(first, "int32")));
    for (let iteration = 0; iteration < iterations; iteration++) {
      const old = means;
      means = tf.tidy(() => updateMeans(on, samples, old));
      old.dispose();
    }
    return tf.keep(means);
  });
}
