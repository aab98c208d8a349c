/**
 * Images with label maps → scores of every place.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Normalization } from "../data/normalize.ts";
import type { LoadedBatch } from "../data/loader.ts";
import { ignoredLabel } from "../data/segmentation_transform.ts";
import type { Segmenter } from "../models/segmentation/segmenter.ts";
import type { Stage } from "./stage.ts";
import { imageTensor } from "./tokenize.ts";

/** A batch of a source with label maps: what the `loss` needs of it is `labelMaps`. */
export type AnnotatedBatch = Pick<LoadedBatch, "pixels" | "size" | "imageSize" | "labelMaps">;

/** Scores and what they are compared to. */
export interface SegmentedBatch {
  /** [B, H, W, classes]. */
  readonly logits: Tensor;
  /** Of the auxiliary head; null without it. */
  readonly auxiliary: Tensor | null;
  /** Class of each pixel, −1 where it does not count, int32 [B, S, S]. */
  readonly labels: Tensor;
}

/** The stage `segment`; drop path and dropout are drawn in training only. */
export function segment(
  model: Segmenter,
  normalization: Normalization,
): Stage<AnnotatedBatch, SegmentedBatch> & { readonly name: "segment" } {
  return {
    name: "segment",
    run({ pixels, size, imageSize, labelMaps }, { on, generator, tape }) {
      const images = imageTensor(pixels, size, imageSize, normalization);
      const training = tape === null ? null : generator.split("segment");
      const classes = Int32Array.from(labelMaps, (label) => label === ignoredLabel ? -1 : label);
      return {
        ...model.forward(on, images, training),
        labels: tf.tensor3d(classes, [size, imageSize, imageSize], "int32"),
      };
    },
  };
}
