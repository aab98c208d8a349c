/** k-means on the unit sphere: initialises a codebook (SPEC: `kmeans` in unilm's norm_ema_quantizer). */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { codeStatistics } from "../backends/ops/code_statistics.ts";
import { l2Normalize } from "../backends/ops/l2_normalize.ts";
import { nearestCode } from "../backends/ops/nearest_code.ts";
import { withoutGradient } from "../backends/tfjs/without_gradient.ts";

/** Number of samples small enough to bound the memory of one distance matrix. */
const rowsAtOnce = 4096;

/** Number of members of each mean, and their sums, over all samples [n, D] → counts [K], sums [K, D]. */
function assignAll(on: Context, samples: Tensor, means: Tensor): { counts: Tensor; sums: Tensor } {
  const [rows, codes] = [samples.shape[0], means.shape[0]];
  let total: { counts: Tensor; sums: Tensor } | null = null;
  for (let start = 0; start < rows; start += rowsAtOnce) {
    const end = Math.min(start + rowsAtOnce, rows);
    const [counts, sums] = tf.tidy(() => {
      const part = tf.slice(samples, start, end - start);
      const statistics = codeStatistics(on, part, nearestCode(on, part, means), codes);
      return [statistics.counts, statistics.sums];
    });
    total = total === null
      ? { counts, sums }
      : { counts: tf.add(total.counts, counts), sums: tf.add(total.sums, sums) };
  }
  return total!;
}

/**
 * Means after some iterations, samples [n, D] and initial means [K, D], unit rows → means [K, D], unit rows,
 * and the number of members [K] from the last iteration. A mean without members stays unchanged.
 */
export function sphericalKMeans(
  on: Context,
  samples: Tensor,
  firstMeans: Tensor,
  iterations: number,
): { means: Tensor; counts: Tensor } {
  const [means, counts] = withoutGradient(() => {
    let means = firstMeans;
    let counts: Tensor = tf.zeros([firstMeans.shape[0]]);
    for (let iteration = 0; iteration < iterations; iteration++) {
      const members = assignAll(on, samples, means);
      counts = members.counts;
      const column = tf.reshape(counts, [-1, 1]);
      const averages = l2Normalize(on, tf.div(members.sums, tf.maximum(column, 1)));
      means = tf.where(tf.broadcastTo(tf.greater(column, 0), means.shape), averages, means);
    }
    return [tf.clone(means), counts];
  });
  return { means, counts };
}
