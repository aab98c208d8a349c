/**
 * Images → class scores, alongside the target distributions.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { ImageClassifier } from "../../../pipeline/evaluation/classification.ts";
import type { MixedBatch } from "./mix.ts";
import type { Stage } from "../../../pipeline/stage.ts";

/** Scores and what they are compared with. */
export interface ClassifiedBatch {
  /** [B, classes]. */
  readonly logits: Tensor;
  /** [B, classes], rows that sum to 1. */
  readonly targets: Tensor;
}

/**
 * The stage `classify`; drop path is applied in training only, and the first `recompute` blocks are recomputed
 * in the backward pass.
 */
export function classify(
  model: ImageClassifier,
  { recompute = 0 }: { readonly recompute?: number } = {},
): Stage<MixedBatch, ClassifiedBatch> & { readonly name: "classify" } {
  return {
    name: "classify",
    run({ images, targets, size, imageSize }, { on, generator, tape, firstImage }) {
      const input = tf.tensor(images, [size, 3, imageSize, imageSize]);
      const logits = model.logits(on, input, {
        dropPath: tape === null
          ? null
          : { generator: generator.split("classify"), first: firstImage },
        recompute,
      });
      return { logits, targets: tf.tensor2d(targets, [size, targets.length / size]) };
    },
  };
}
