/**
 * Scores at every position and label maps → cross-entropy of every pixel.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { resizeBilinear } from "../../../backends/ops/resize_bilinear.ts";
import { withoutGradient } from "../../../backends/tfjs/without_gradient.ts";
import type { LossOutput } from "../../../pipeline/batch.ts";
import type { SegmentedBatch } from "./segment.ts";
import type { Stage } from "../../../pipeline/stage.ts";

/** Pixels, and those that the head gets right, for the accuracy. */
interface PixelLoss {
  readonly loss: Tensor;
  readonly accuracy: Tensor;
}

/**
 * Cross-entropy of scores [B, H, W, K], upsampled to the size of the labels, int32 [B, S, S], where −1 is
 * ignored. As in mmsegmentation, the mean is over all pixels, with a loss of 0 for ignored ones.
 */
export function pixelLoss(on: Context, logits: Tensor, labels: Tensor): PixelLoss {
  const [batch, height, width] = labels.shape as [number, number, number];
  const classes = logits.shape[3]!;
  const whole = resizeBilinear(on, logits, height, width);
  const scores = tf.reshape(whole, [batch * height * width, classes]);
  const flat = tf.reshape(labels, [-1]);
  const targets = tf.cast(tf.oneHot(flat, classes), "float32");
  const loss = tf.neg(tf.div(tf.sum(tf.mul(tf.logSoftmax(scores), targets)), flat.size)) as Tensor;
  const [accuracy] = withoutGradient(() => {
    const hits = tf.sum(tf.cast(tf.equal(tf.argMax(scores, -1), flat), "float32"));
    const counted = tf.sum(tf.cast(tf.greaterEqual(flat, 0), "float32"));
    return [tf.div(hits, tf.maximum(counted, 1))];
  });
  return { loss, accuracy };
}

/**
 * The stage `loss` of segmentation, for the head and the auxiliary head; logs both and `accuracy`, the share of
 * labelled pixels that the head gets right.
 */
export function segmentationLoss(
  auxiliaryWeight: number,
): Stage<SegmentedBatch, LossOutput> & { readonly name: "loss" } {
  return {
    name: "loss",
    run({ logits, auxiliary, labels }, { on }): LossOutput {
      const { loss: headLoss, accuracy } = pixelLoss(on, logits, labels);
      if (auxiliary === null) return { loss: headLoss, metrics: { accuracy } };
      const { loss: auxiliaryLoss } = pixelLoss(on, auxiliary, labels);
      const loss = tf.add(headLoss, tf.mul(auxiliaryLoss, auxiliaryWeight)) as Tensor;
      return { loss, metrics: { headLoss, auxiliaryLoss, accuracy } };
    },
  };
}
