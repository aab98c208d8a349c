/**
 * The shape of a VQ-KD tokenizer.
 *
 * @module
 */

import { UserError } from "../core/errors.ts";
import type { VisionTransformerConfig } from "./vision_transformer.ts";

/** A tokenizer; the published ones are {@link vqkdBase}. */
export interface VqkdConfig {
  /** Pixels along a side; images are square. */
  readonly imageSize: number;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Width of the tokens in encoder and decoder. */
  readonly embedDim: number;
  /** Blocks in the encoder. */
  readonly depth: number;
  /** Attention heads per block. */
  readonly heads: number;
  /** Width of an MLP's hidden layer, relative to `embedDim`. */
  readonly mlpRatio: number;
  /** Blocks in the decoder; 0 for a tokenizer that only encodes. */
  readonly decoderDepth: number;
  /** Number K of codes. */
  readonly codes: number;
  /** Width D of a code. */
  readonly codeDim: number;
  /** Width of the teacher's features; 0 for a tokenizer that only encodes. */
  readonly teacherDim: number;
  /** Weight of the old code in its moving average. */
  readonly decay: number;
  /** Weight β of the quantisation loss. */
  readonly quantizationWeight: number;
}

/** `vqkd_encoder_base_decoder_3x768x12_clip`, used to pretrain BEiT v2. */
export const vqkdBase: VqkdConfig = {
  imageSize: 224,
  patchSize: 16,
  embedDim: 768,
  depth: 12,
  heads: 12,
  mlpRatio: 4,
  decoderDepth: 3,
  codes: 8192,
  codeDim: 32,
  teacherDim: 512,
  decay: 0.99,
  quantizationWeight: 1,
};

/** Throws a {@link UserError} for an impossible config. */
export function validateVqkdConfig(config: VqkdConfig): void {
  const sizes = [
    "imageSize",
    "patchSize",
    "embedDim",
    "depth",
    "heads",
    "codes",
    "codeDim",
  ] as const;
  for (const key of sizes) {
    if (Number.isInteger(config[key]) && config[key] >= 1) continue;
    throw new UserError(
      `Cannot build the tokenizer: ${key} must be an integer of at least 1, found ${config[key]}`,
    );
  }
  if (config.imageSize % config.patchSize !== 0) {
    throw new UserError(
      `Cannot build the tokenizer: patchSize ${config.patchSize} does not divide imageSize ` +
        `${config.imageSize}`,
      { hint: "use the patch size of the model that it is for" },
    );
  }
  if (!(config.decay >= 0 && config.decay < 1)) {
    throw new UserError(
      `Cannot build the tokenizer: decay must be in [0, 1), found ${config.decay}`,
    );
  }
}

/** The encoder as a plain ViT. */
export function vqkdEncoder(config: VqkdConfig): VisionTransformerConfig {
  return {
    gridSize: config.imageSize / config.patchSize,
    patchSize: config.patchSize,
    inputDim: 3,
    embedDim: config.embedDim,
    depth: config.depth,
    heads: config.heads,
    mlpRatio: config.mlpRatio,
  };
}

/** The decoder as a plain ViT over code vectors. */
export function vqkdDecoder(config: VqkdConfig): VisionTransformerConfig {
  return {
    ...vqkdEncoder(config),
    patchSize: null,
    inputDim: config.codeDim,
    depth: config.decoderDepth,
  };
}
