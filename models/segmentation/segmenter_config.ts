/**
 * The shape of a segmentation model.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { type BeitConfig, validateBeitConfig } from "../beit_config.ts";

/** An encoder with a segmentation head; see the `segmentation` section of a config. */
export interface SegmenterConfig {
  /** The encoder's shape. */
  readonly encoder: BeitConfig;
  /** UPerNet on a feature pyramid, or a linear layer on the last block's patch tokens. */
  readonly head: "upernet" | "linear";
  /** Number of classes. */
  readonly classes: number;
  /** Width of UPerNet. */
  readonly channels: number;
  /** Blocks, from 0, whose output becomes the pyramid, finest level first. */
  readonly outBlocks: readonly number[];
  /** Grid sizes of the pyramid pooling. */
  readonly poolScales: readonly number[];
  /** Share of the channels dropped before the classifier. */
  readonly dropout: number;
  /** Weight of the auxiliary head's loss; 0 means no such head. */
  readonly auxiliaryWeight: number;
  /** Channels inside the auxiliary head. */
  readonly auxiliaryChannels: number;
}

/** The last block of each quarter of an encoder. */
function spread(depth: number): string {
  return [1, 2, 3, 4].map((part) => Math.ceil(depth * part / 4) - 1).join(",");
}

/** Throws a `UserError` for an impossible config. */
export function validateSegmenterConfig(config: SegmenterConfig): void {
  const { encoder, outBlocks, head } = config;
  validateBeitConfig(encoder);
  const wrong = outBlocks.find((block) => block >= encoder.depth);
  if (wrong !== undefined) {
    throw new UserError(
      `Cannot build the segmenter: segmentation.outBlocks names block ${wrong}, and the encoder has ` +
        `${encoder.depth}`,
      { hint: `blocks count from 0: give --set segmentation.outBlocks=${spread(encoder.depth)}` },
    );
  }
  const side = encoder.imageSize / encoder.patchSize;
  if (head === "upernet" && side % 2 !== 0) {
    throw new UserError(
      `Cannot build the segmenter: UPerNet halves the patch grid, and ${side} is odd`,
      { hint: `give --image-size ${encoder.imageSize + encoder.patchSize}` },
    );
  }
}
