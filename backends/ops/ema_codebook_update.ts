import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import type { Parameter } from "../parameter.ts";
import { detached } from "../tfjs/record_kernel.ts";
import type { CodeStatistics } from "./code_statistics.ts";
import { l2Normalize } from "./l2_normalize.ts";

/**
 * One update of an l2-normalised EMA codebook (unilm's `norm_ema_quantizer.py`): a code that was hit moves to
 * l2norm(decay·e + (1 − decay)·l2norm(mean of its rows)), the others do not change. The cluster size is
 * averaged in the same way and serves only as a usage statistic.
 *
 * @param codebook [K, D], assigned a new value
 * @param clusterSize [K], assigned a new value
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { emaCodebookUpdate } from "./ema_codebook_update.ts";
 * import { Parameter } from "../parameter.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const codebook = new Parameter("codebook", tf.tensor([[1, 0]]));
 *   const clusterSize = new Parameter("clusterSize", tf.zeros([1]));
 *   const statistics = { counts: tf.tensor1d([2]), sums: tf.tensor([[0, 3]]) };
 *   const on = { backend, precision: "float32" } as const;
 *   emaCodebookUpdate(on, codebook, clusterSize, statistics, 0.5);
 *   if (Math.abs(codebook.value.dataSync()[1] - Math.SQRT1_2) > 1e-6) throw new Error();
 *   if (clusterSize.value.dataSync()[0] !== 1) throw new Error();
 * });
 * ```
 */
export function emaCodebookUpdate(
  on: Context,
  codebook: Parameter,
  clusterSize: Parameter,
  statistics: CodeStatistics,
  decay: number,
): void {
  const kernel = on.backend.kernels.emaCodebookUpdate;
  const [newCodebook, newClusterSize] = detached(() => {
    const { counts, sums } = statistics;
    const state = { codebook: codebook.value, clusterSize: clusterSize.value };
    const updated = kernel === undefined
      ? composeUpdate({ ...on, watch: undefined }, { ...state, counts, sums, decay })
      : kernel({ ...state, counts, sums, decay });
    return [updated.codebook, updated.clusterSize];
  });
  codebook.assign(tf.keep(newCodebook));
  clusterSize.assign(tf.keep(newClusterSize));
}

function composeUpdate(
  on: Context,
  { codebook, clusterSize, counts, sums, decay }: {
    codebook: Tensor;
    clusterSize: Tensor;
    counts: Tensor;
    sums: Tensor;
    decay: number;
  },
): { codebook: Tensor; clusterSize: Tensor } {
  const blend = (old: Tensor, fresh: Tensor) => {
    return tf.add(tf.mul(old, decay), tf.mul(fresh, 1 - decay));
  };
  const column = tf.reshape(counts, [-1, 1]);
  const means = l2Normalize(on, tf.div(sums, tf.maximum(column, 1)));
  const isHit = tf.broadcastTo(tf.greater(column, 0), codebook.shape);
  return {
    codebook: l2Normalize(on, blend(codebook, tf.where(isHit, means, codebook))),
    clusterSize: blend(clusterSize, counts),
  };
}
