/**
 * The segmentation model that fine-tuning starts from: its shape and initial weights.
 *
 * @module
 */

import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { SegmentConfig } from "./config.ts";
import { Generator } from "../../core/generator.ts";
import { type BeitConfig, gridSize, positionsOf } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { type Initialise, initialiseFrom, parameterSizes } from "../../models/parameter_set.ts";
import { segmenterSpecs } from "../../models/segmentation/segmenter.ts";
import type { SegmenterConfig } from "../../models/segmentation/segmenter_config.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import type { ModelFootprint } from "../../pipeline/engine/planning/plan.ts";
import { shapeFromCheckpoint } from "../classify/model.ts";
import { readPretrained } from "../../pipeline/weights/load_encoder.ts";

/** A segmentation model's shape and initial values. */
export interface SegmenterStart {
  readonly shape: SegmenterConfig;
  readonly initialise: Initialise;
}

function encoderFromScratch({ model }: SegmentConfig): BeitConfig {
  const { sincosAmplitude, ...rest } = model;
  const positions = sincosAmplitude === null ? {} : { sincosAmplitude };
  return { ...rest, ...positions, earlyLayers: 0, headLayers: 0, codes: 1 };
}

function withHead(config: SegmentConfig, encoder: BeitConfig, classes: number): SegmenterConfig {
  const { reduceZeroLabel: _, ...head } = config.segmentation;
  return { ...head, classes, encoder };
}

/**
 * Shape and initial values of a config's segmentation model. The encoder comes from the checkpoint, with the
 * shared relative-position table copied into every block and positions resized to `model.imageSize`; the heads
 * are freshly initialised.
 *
 * @throws UserError for a checkpoint that cannot be read
 */
export async function startSegmenter(
  config: SegmentConfig,
  classes: number,
  listener: RunListener,
  downloads: DownloadOptions = {},
): Promise<SegmenterStart> {
  const scratch = encoderFromScratch(config);
  const generator = Generator.from(config.seed).split("model");
  if (config.pretrained === null) {
    const shape = withHead(config, scratch, classes);
    return { shape, initialise: initialiseBeit(shape.encoder, generator) };
  }
  const weights = await readPretrained(config.pretrained, {
    imageSize: config.model.imageSize,
    usesRelativePositionBias: true,
    downloads,
  });
  const shape = withHead(config, shapeFromCheckpoint(scratch, weights, listener), classes);
  const fresh = initialiseBeit(shape.encoder, generator);
  return { shape, initialise: initialiseFrom(weights.values, fresh) };
}

/** Values per image that the heads and losses keep for the backward pass. */
function headNumbers(shape: SegmenterConfig): number {
  const { encoder, channels, classes, head, auxiliaryWeight } = shape;
  const patches = gridSize(encoder) ** 2;
  // Upsampled scores, their softmax, the targets and the product, for each loss.
  const losses = head === "upernet" && auxiliaryWeight > 0 ? 2 : 1;
  const perPixel = losses * 4 * classes;
  const pixels = encoder.imageSize ** 2 * perPixel;
  if (head === "linear") return pixels + 2 * patches * encoder.embedDim;
  // Level by level: the map, three outputs each of the lateral and the convolution, the
  // concatenation.
  const perPlace = 6 * encoder.embedDim + 14 * channels;
  return pixels + patches * (16 + 4 + 1 + 0.25) * perPlace;
}

/** The memory of a segmentation model's training step; the heads count as additional blocks. */
export function segmenterFootprint(shape: SegmenterConfig): ModelFootprint {
  const { encoder } = shape;
  const tokens = gridSize(encoder) ** 2 + 1;
  const perBlock = tokens * (10 + 2 * encoder.mlpRatio) * encoder.embedDim;
  return {
    ...parameterSizes(segmenterSpecs(shape)),
    positions: positionsOf(encoder),
    frozenParameters: 0,
    tokens,
    embedDim: encoder.embedDim,
    mlpRatio: encoder.mlpRatio,
    blocks: encoder.depth + headNumbers(shape) / perBlock,
  };
}
