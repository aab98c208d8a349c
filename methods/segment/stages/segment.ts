/**
 * Images with label maps → scores at every position.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Normalization } from "../../../data/images/normalize.ts";
import type { LoadedBatch } from "../../../data/loader/loader.ts";
import { ignoredLabel } from "../../../data/augment/segmentation_transform.ts";
import { UserError } from "../../../core/errors.ts";
import type { Segmenter } from "../../../models/segmentation/segmenter.ts";
import type { Stage } from "../../../pipeline/stage.ts";
import { imageTensor } from "../../../pipeline/tokenize.ts";

/** A batch from a source with label maps; the `loss` only needs its `labelMaps`. */
export type AnnotatedBatch = Pick<
  LoadedBatch,
  "pixels" | "size" | "imageSize" | "labelMaps" | "ids"
>;

/** Scores and what they are compared with. */
export interface SegmentedBatch {
  /** [B, H, W, classes]. */
  readonly logits: Tensor;
  /** Of the auxiliary head; null if there is none. */
  readonly auxiliary: Tensor | null;
  /** Class of each pixel, −1 if it does not count, int32 [B, S, S]. */
  readonly labels: Tensor;
}

/** Throws a `UserError` for a label beyond the model's classes. */
function requireClasses(labels: Uint8Array, classes: number, ids: readonly string[]): void {
  const at = labels.findIndex((label) => label >= classes && label !== ignoredLabel);
  if (at < 0) return;
  throw new UserError(
    `Cannot segment "${
      ids[Math.floor(at / (labels.length / ids.length))]
    }": its label map has class ` +
      `${labels[at]}, and segmentation.classes is ${classes}`,
    { hint: `give --set segmentation.classes=${labels[at] + 1} or more, or auto` },
  );
}

/**
 * The stage `segment`; drop path and dropout are applied in training only, and the first
 * `recompute` blocks are recomputed in the backward pass.
 */
export function segment(
  model: Segmenter,
  normalization: Normalization,
  { recompute = 0 }: { readonly recompute?: number } = {},
): Stage<AnnotatedBatch, SegmentedBatch> & { readonly name: "segment" } {
  return {
    name: "segment",
    run({ pixels, size, imageSize, labelMaps, ids }, { on, generator, tape, firstImage }) {
      requireClasses(labelMaps, model.config.classes, ids);
      const images = imageTensor(pixels, size, imageSize, normalization);
      const training = tape === null
        ? null
        : { generator: generator.split("segment"), first: firstImage };
      const classes = Int32Array.from(labelMaps, (label) => label === ignoredLabel ? -1 : label);
      return {
        ...model.forward(on, images, training, recompute),
        labels: tf.tensor3d(classes, [size, imageSize, imageSize], "int32"),
      };
    },
  };
}
