import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";

/**
 * Cross-entropy with targets that are distributions (mixup, label smoothing), in float32: the mean
 * over samples of −Σ target·log softmax(logits).
 *
 * @param logits [B, K]
 * @param targets [B, K], rows that sum to 1
 * @returns []
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { softTargetCrossEntropy } from "./soft_target_cross_entropy.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const loss = softTargetCrossEntropy(on, tf.zeros([1, 4]), tf.tensor([[0.5, 0.5, 0, 0]]));
 *   if (Math.abs(loss.dataSync()[0] - Math.log(4)) > 1e-6) throw new Error(`${loss}`);
 * });
 * ```
 */
export function softTargetCrossEntropy(on: Context, logits: Tensor, targets: Tensor): Tensor {
  return observed(
    on,
    "softTargetCrossEntropy",
    [],
    () => tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), -1))),
  );
}
