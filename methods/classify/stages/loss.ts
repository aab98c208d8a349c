/**
 * Class scores and soft targets → cross-entropy.
 *
 * @module
 */

import { tf } from "../../../deps/tfjs.ts";
import { softTargetCrossEntropy } from "../../../backends/ops/soft_target_cross_entropy.ts";
import { withoutGradient } from "../../../backends/tfjs/without_gradient.ts";
import type { LossOutput } from "../../../pipeline/batch.ts";
import type { ClassifiedBatch } from "./classify.ts";
import type { Stage } from "../../../pipeline/stage.ts";

/**
 * The stage `loss` of fine-tuning; logs `accuracy`, the share of images whose highest score is for the class
 * with the largest target.
 */
export function classificationLoss(): Stage<ClassifiedBatch, LossOutput> & {
  readonly name: "loss";
} {
  return {
    name: "loss",
    run({ logits, targets }, { on }) {
      const [accuracy] = withoutGradient(() => [
        tf.mean(tf.cast(tf.equal(tf.argMax(logits, -1), tf.argMax(targets, -1)), "float32")),
      ]);
      return { loss: softTargetCrossEntropy(on, logits, targets), metrics: { accuracy } };
    },
  };
}
