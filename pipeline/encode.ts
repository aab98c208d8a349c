/**
 * Images and masks → masked patch tokens of both branches, alongside the codes to predict.
 *
 * @module
 */

import { tf } from "../deps/tfjs.ts";
import type { Normalization } from "../data/images/normalize.ts";
import { type MaskedImageModel, maskedPositions } from "../models/masked_image_model.ts";
import type { EncodedBatch, TokenizedBatch } from "./batch.ts";
import type { Stage } from "./stage.ts";
import { imageTensor } from "./tokenize.ts";

/** The stage `encode` of pretraining; the first `recompute` blocks are recomputed in the backward pass. */
export function encode(
  model: MaskedImageModel,
  normalization: Normalization,
  { recompute = 0 }: { readonly recompute?: number } = {},
): Stage<TokenizedBatch, EncodedBatch> & { readonly name: "encode" } {
  return {
    name: "encode",
    run({ pixels, size, imageSize, mask, tokens }, { on, generator, tape, firstImage }) {
      const images = imageTensor(pixels, size, imageSize, normalization);
      const positions = maskedPositions(mask);
      const branches = model.encode(on, images, {
        mask,
        positions,
        dropPath: tape === null
          ? null
          : { generator: generator.split("encode"), first: firstImage },
        recompute,
      });
      const targets = tf.gather(tokens, tf.tensor1d(positions, "int32"));
      return { ...branches, positions, targets };
    },
  };
}
