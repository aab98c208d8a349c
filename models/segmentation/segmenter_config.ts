/**
 * The shape of a segmentation model, and the names and shapes of its parameters.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { type BeitConfig, validateBeitConfig } from "../beit_config.ts";
import { batchNormSpecs, convNormSpecs } from "../layers/conv_norm.ts";
import type { ParameterSpec } from "../parameter_set.ts";
import { affineSpecs, encoderSpecs } from "../parameter_specs.ts";

/** An encoder with a segmentation head; see the `segmentation` section of a config. */
export interface SegmenterConfig {
  readonly encoder: BeitConfig;
  /** UPerNet on a feature pyramid, or a linear layer on the last block's patch tokens. */
  readonly head: "upernet" | "linear";
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
  readonly auxiliaryChannels: number;
}

/** The last block of each quarter of an encoder. */
function spread(depth: number): string {
  return [1, 2, 3, 4].map((part) => Math.ceil(depth * part / 4) - 1).join(",");
}

/** Levels of the feature pyramid, at 4, 2, 1 and ½ times the patch grid. */
export const pyramidLevels = 4;

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

/** The pyramid's transposed convolutions, under unilm's names `fpn1` and `fpn2`. */
function pyramidSpecs({ embedDim }: BeitConfig): ParameterSpec[] {
  const doubling = (name: string): ParameterSpec[] => [
    { name: `${name}.weight`, shape: [embedDim, embedDim, 2, 2] },
    { name: `${name}.bias`, shape: [embedDim] },
  ];
  return [
    ...doubling("fpn1.0"),
    ...batchNormSpecs("fpn1.1", embedDim),
    ...doubling("fpn1.3"),
    ...doubling("fpn2.0"),
  ];
}

function classifierSpecs(prefix: string, classes: number, inputs: number): ParameterSpec[] {
  return affineSpecs(`${prefix}.conv_seg`, [classes, inputs, 1, 1]);
}

function uperNetSpecs(config: SegmenterConfig): ParameterSpec[] {
  const { channels, poolScales, classes, encoder: { embedDim } } = config;
  const conv = (name: string, inputs: number, side: number) =>
    convNormSpecs(`decode_head.${name}`, { outputs: channels, inputs, side });
  const lower = Array.from({ length: pyramidLevels - 1 }, (_, level) => level);
  return [
    ...classifierSpecs("decode_head", classes, channels),
    ...poolScales.flatMap((_, index) => conv(`psp_modules.${index}.1`, embedDim, 1)),
    ...conv("bottleneck", embedDim + poolScales.length * channels, 3),
    ...lower.flatMap((level) => conv(`lateral_convs.${level}`, embedDim, 1)),
    ...lower.flatMap((level) => conv(`fpn_convs.${level}`, channels, 3)),
    ...conv("fpn_bottleneck", pyramidLevels * channels, 3),
  ];
}

function auxiliarySpecs(config: SegmenterConfig): ParameterSpec[] {
  const { auxiliaryWeight, auxiliaryChannels, classes, encoder: { embedDim } } = config;
  if (auxiliaryWeight === 0) return [];
  return [
    ...classifierSpecs("auxiliary_head", classes, auxiliaryChannels),
    ...convNormSpecs("auxiliary_head.convs.0", {
      outputs: auxiliaryChannels,
      inputs: embedDim,
      side: 3,
    }),
  ];
}

/** All parameters: the encoder's, and the heads' under mmsegmentation's names. */
export function segmenterSpecs(config: SegmenterConfig): ParameterSpec[] {
  const { encoder, head, classes } = config;
  const own = encoderSpecs(encoder, { hasMaskToken: false });
  if (head === "linear") {
    return [
      ...own,
      ...batchNormSpecs("decode_head.bn", encoder.embedDim),
      ...classifierSpecs("decode_head", classes, encoder.embedDim),
    ];
  }
  return [...own, ...pyramidSpecs(encoder), ...uperNetSpecs(config), ...auxiliarySpecs(config)];
}
