/**
 * The shape of a BEiT v2 model.
 *
 * @module
 */

import { UserError } from "../core/errors.ts";
import type { TransformerTraits } from "../core/transformer_traits.ts";

/** Whose initial values to use: see `initialise.ts`. */
export type InitVariant = "unilm" | "mmselfsup" | "xavier";

/** A BEiT encoder and what is built on it; ViT-B/16 is {@link vitBase}. */
export interface BeitConfig extends TransformerTraits {
  /** Pixels along a side; images are square. */
  readonly imageSize: number;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Width C of the tokens. */
  readonly embedDim: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Attention heads per block. */
  readonly heads: number;
  /** Width of the MLP's hidden layer, as a multiple of `embedDim`. */
  readonly mlpRatio: number;
  /** Initial layer scale; 0 for none. */
  readonly layerScaleInitValue: number;
  /** Whether a learned position embedding is added to the tokens. */
  readonly usesAbsolutePositions: boolean;
  /**
   * If set, the position embedding is initialised with sines and cosines of this amplitude (along
   * both axes, zero for the cls token) instead of noise: short runs then learn much faster.
   */
  readonly sincosAmplitude?: number;
  /** A single relative-position table shared by all blocks (pretraining). */
  readonly usesSharedRelativePositionBias: boolean;
  /** One relative-position table per block (fine-tuning). */
  readonly usesRelativePositionBias: boolean;
  /** Drop path rate of the last block; it rises linearly from 0 at the first. */
  readonly dropPathRate: number;
  /** Apply drop path to the MLP branch twice, as mmselfsup does: keep probability (1 − p)². */
  readonly dropPathTwice: boolean;
  /** Blocks before the early output, whose patch tokens go to the aggregation branch; 9 for ViT-B. */
  readonly earlyLayers: number;
  /** Blocks in the aggregation branch; 0 for no such branch. */
  readonly headLayers: number;
  /** Size K of the visual vocabulary. */
  readonly codes: number;
  /** Number of classes, for a classifier. */
  readonly classes?: number;
  /** Whose initial values: see {@link InitVariant}. */
  readonly initVariant: InitVariant;
}

/** ViT-B/16 at 224 px as BEiT v2 pretrains it. */
export const vitBase: BeitConfig = {
  imageSize: 224,
  patchSize: 16,
  embedDim: 768,
  depth: 12,
  heads: 12,
  mlpRatio: 4,
  layerScaleInitValue: 0.1,
  usesAbsolutePositions: false,
  usesSharedRelativePositionBias: true,
  usesRelativePositionBias: false,
  dropPathRate: 0,
  dropPathTwice: false,
  earlyLayers: 9,
  headLayers: 2,
  codes: 8192,
  initVariant: "unilm",
};

/** ViT-L/16 at 224 px as BEiT v2 pretrains it. */
export const vitLarge: BeitConfig = {
  ...vitBase,
  embedDim: 1024,
  depth: 24,
  heads: 16,
  layerScaleInitValue: 1e-5,
  earlyLayers: 21,
};

/** Patches per side. */
export function gridSize(config: { imageSize: number; patchSize: number }): number {
  return config.imageSize / config.patchSize;
}

/** The relative-position tables that a step expands to all pairs of tokens: a plan counts them. */
export function positionsOf(
  { heads, depth, usesSharedRelativePositionBias, usesRelativePositionBias }: Pick<
    BeitConfig,
    "heads" | "depth" | "usesSharedRelativePositionBias" | "usesRelativePositionBias"
  >,
): { readonly tables: number; readonly heads: number } {
  const shared = usesSharedRelativePositionBias ? 1 : 0;
  return { heads, tables: shared + (usesRelativePositionBias ? depth : 0) };
}

/** The epsilon of all of a model's layer norms. */
export function layerNormEpsilon({ normEpsilon = 1e-6 }: TransformerTraits): number {
  return normEpsilon;
}

function requireWhole(config: BeitConfig, key: keyof BeitConfig, least: number): void {
  const value = config[key] as number;
  if (Number.isInteger(value) && value >= least) return;
  throw new UserError(
    `Cannot build the model: model.${key} must be an integer of at least ${least}, found ${value}`,
  );
}

function requireShare(config: BeitConfig, key: keyof BeitConfig): void {
  const value = config[key] as number;
  if (value >= 0 && value < 1) return;
  throw new UserError(`Cannot build the model: model.${key} must be in [0, 1), found ${value}`);
}

/** Patches must tile the image, and heads must divide the width. */
function requireDivisors(config: BeitConfig): void {
  if (config.imageSize % config.patchSize !== 0) {
    throw new UserError(
      `Cannot build the model: model.patchSize ${config.patchSize} does not divide model.imageSize ` +
        `${config.imageSize}`,
      { hint: `use a patch size such as ${divisorNear(config.imageSize, config.patchSize)}` },
    );
  }
  if (config.embedDim % config.heads !== 0) {
    throw new UserError(
      `Cannot build the model: model.heads ${config.heads} does not divide model.embedDim ` +
        `${config.embedDim}`,
      { hint: `use a number of heads such as ${divisorNear(config.embedDim, config.heads)}` },
    );
  }
}

/**
 * Throws a {@link UserError} for an impossible config.
 *
 * @example
 * ```ts
 * import { validateBeitConfig, vitBase } from "./beit_config.ts";
 * validateBeitConfig(vitBase);
 * let message = "";
 * try {
 *   validateBeitConfig({ ...vitBase, patchSize: 15 });
 * } catch (error) {
 *   message = (error as Error).message;
 * }
 * if (!message.includes("does not divide")) throw new Error(message);
 * ```
 */
export function validateBeitConfig(config: BeitConfig): void {
  const sizes = ["imageSize", "patchSize", "embedDim", "depth", "heads", "codes"] as const;
  for (const key of sizes) requireWhole(config, key, 1);
  requireWhole(config, "headLayers", 0);
  requireWhole(config, "earlyLayers", config.headLayers > 0 ? 1 : 0);
  requireShare(config, "dropPathRate");
  if (config.classes !== undefined) requireWhole(config, "classes", 1);
  requireDivisors(config);
  if (config.earlyLayers > config.depth) {
    throw new UserError(
      `Cannot build the model: model.earlyLayers ${config.earlyLayers} is more than model.depth ` +
        `${config.depth}`,
      { hint: "the early output is that of a block before the last" },
    );
  }
  if (!(config.mlpRatio > 0) || !Number.isInteger(config.embedDim * config.mlpRatio)) {
    throw new UserError(
      `Cannot build the model: model.mlpRatio ${config.mlpRatio} times model.embedDim ` +
        `${config.embedDim} must be a positive integer`,
    );
  }
  if (!(config.layerScaleInitValue >= 0)) {
    throw new UserError(
      "Cannot build the model: model.layerScaleInitValue must be 0 (for none) or more, found " +
        config.layerScaleInitValue,
    );
  }
  if (config.usesSharedRelativePositionBias && config.usesRelativePositionBias) {
    throw new UserError(
      "Cannot build the model: it has both a shared relative-position table and one per block",
      {
        hint:
          "give --set model.usesSharedRelativePositionBias=false, or model.usesRelativePositionBias=false",
      },
    );
  }
  if (config.sincosAmplitude !== undefined && config.embedDim % 4 !== 0) {
    throw new UserError(
      `Cannot build the model: model.sincosAmplitude needs a model.embedDim that 4 divides, found ` +
        config.embedDim,
    );
  }
}

/** The divisor of `whole` closest to `wanted`, the smaller of two. */
function divisorNear(whole: number, wanted: number): number {
  let best = 1;
  for (let divisor = 1; divisor <= whole; divisor++) {
    if (whole % divisor !== 0) continue;
    if (Math.abs(divisor - wanted) < Math.abs(best - wanted)) best = divisor;
  }
  return best;
}
