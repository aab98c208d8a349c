/**
 * The segmenter that fine-tuning starts with: its shape and its first weights.
 *
 * @module
 */

import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { SegmentConfig } from "../../configs/schema.ts";
import { Generator } from "../../core/generator.ts";
import { type BeitConfig, gridSize, positionsOf } from "../../models/beit_config.ts";
import { type Initialise, initialiseFrom, parameterSizes } from "../../models/parameter_set.ts";
import { initialiseSegmenter } from "../../models/segmentation/initialise_segmenter.ts";
import {
  type SegmenterConfig,
  segmenterSpecs,
} from "../../models/segmentation/segmenter_config.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import type { ModelFootprint } from "../../pipeline/engine/planning/plan.ts";
import { shapeFromCheckpoint } from "../classify/model.ts";
import { readPretrained } from "../../pipeline/weights/load_encoder.ts";

/** A segmenter's shape and start. */
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
 * Shape and start of a config's segmenter. The encoder comes from the checkpoint, with the shared
 * relative-position table copied into every block and positions fitted to `model.imageSize`; the heads
 * start anew.
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
    return { shape, initialise: initialiseSegmenter(shape, generator) };
  }
  const weights = await readPretrained(config.pretrained, {
    imageSize: config.model.imageSize,
    usesRelativePositionBias: true,
    downloads,
  });
  const shape = withHead(config, shapeFromCheckpoint(scratch, weights, listener), classes);
  const fresh = initialiseSegmenter(shape, generator);
  return { shape, initialise: initialiseFrom(weights.values, fresh) };
}

/** Numbers that the heads and the losses keep of one image for the backward pass. */
function headNumbers(shape: SegmenterConfig): number {
  const { encoder, channels, classes, head, auxiliaryWeight } = shape;
  const patches = gridSize(encoder) ** 2;
  // Enlarged scores, their softmax, the targets and the product, for each of the losses.
  const losses = head === "upernet" && auxiliaryWeight > 0 ? 2 : 1;
  const perPixel = losses * 4 * classes;
  const pixels = encoder.imageSize ** 2 * perPixel;
  if (head === "linear") return pixels + 2 * patches * encoder.embedDim;
  // Level by level: the map, the lateral's and the convolution's three outputs, the concatenation.
  const perPlace = 6 * encoder.embedDim + 14 * channels;
  return pixels + patches * (16 + 4 + 1 + 0.25) * perPlace;
}

/** What a training step of a segmenter holds in memory; the heads count as further blocks. */
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
