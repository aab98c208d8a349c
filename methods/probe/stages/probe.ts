/**
 * Labelled views → the scores of linear classifiers on frozen features → their summed cross-entropy.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { softTargetCrossEntropy } from "../../../backends/ops/soft_target_cross_entropy.ts";
import type { Normalization } from "../../../data/images/normalize.ts";
import type { BeitEncoder } from "../../../models/beit_encoder.ts";
import { extractFeatures } from "../../../models/features.ts";
import type { LinearProbes } from "../../../models/linear_probes.ts";
import { withoutGradient } from "../../../backends/tfjs/without_gradient.ts";
import type { AugmentedBatch, LossOutput } from "../../../pipeline/batch.ts";
import type { Stage } from "../../../pipeline/stage.ts";
import { imageTensor } from "../../../pipeline/tokenize.ts";
import { addAll } from "../../../backends/add_all.ts";

/** Frozen features and their labels. */
export interface ExtractedBatch {
  /** One [B, C] for each requested feature. */
  readonly features: readonly Tensor[];
  /** Class of each image, [B]. */
  readonly labels: Int32Array;
}

/** The stage `extract`: no gradient, no drop path. */
export function extract(
  encoder: BeitEncoder,
  probes: LinearProbes,
  normalization: Normalization,
): Stage<AugmentedBatch, ExtractedBatch> & { readonly name: "extract" } {
  const { requests } = probes;
  return {
    name: "extract",
    run({ pixels, size, imageSize, labels }, { on }) {
      const images = imageTensor(pixels, size, imageSize, normalization);
      return { features: extractFeatures(on, encoder, images, requests), labels };
    },
  };
}

/** The stage `loss`: the sum over all classifiers; logs `accuracy`, that of the best one on the batch. */
export function probeLoss(
  probes: LinearProbes,
): Stage<ExtractedBatch, LossOutput> & { readonly name: "loss" } {
  return {
    name: "loss",
    run({ features, labels }, { on, tape }) {
      const logits = probes.logits(on, features, tape !== null);
      const wanted = tf.tensor1d(labels, "int32");
      const targets = tf.cast(tf.oneHot(wanted, probes.config.classes), "float32");
      const losses = logits.map((scores) => softTargetCrossEntropy(on, scores, targets));
      const [accuracy] = withoutGradient(() => {
        const shares = logits.map((scores) =>
          tf.mean(tf.cast(tf.equal(tf.argMax(scores, -1), wanted), "float32"))
        );
        return [tf.max(tf.stack(shares))];
      });
      return { loss: addAll(losses), metrics: { accuracy } };
    },
  };
}
