/**
 * A plain vision transformer with absolute positions: the tokenizer's encoder and decoder.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { takeTokens } from "../backends/ops/take_tokens.ts";
import { UserError } from "../core/errors.ts";
import { affineSpecs, norm } from "./layers/affine.ts";
import { block, type BlockShape, blockSpecs } from "./layers/block.ts";
import { embed, type EmbeddingShape, embeddingSpecs } from "./layers/embedding.ts";
import type { ParameterScope, ParameterSpec } from "./parameter_set.ts";

/** The shape of a plain ViT. */
export interface VisionTransformerConfig {
  /** Patches per side. */
  readonly gridSize: number;
  /** Side in pixels of a patch of RGB images; null if the input is tokens [B, N, `inputDim`]. */
  readonly patchSize: number | null;
  /** Channels of an input pixel (3) or token. */
  readonly inputDim: number;
  readonly embedDim: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
}

function embeddingShape(config: VisionTransformerConfig): EmbeddingShape {
  return { ...config, side: config.gridSize, classTokens: 1, usesAbsolutePositions: true };
}

/**
 * The parameters below `prefix` (`"encoder."`, or `""`), under BEiT's names.
 *
 * @throws UserError if the heads do not divide the width
 */
export function visionTransformerSpecs(
  prefix: string,
  config: VisionTransformerConfig,
): ParameterSpec[] {
  const { embedDim, heads } = config;
  if (embedDim % heads !== 0) {
    throw new UserError(
      `Cannot build the transformer "${prefix}": ${heads} heads do not divide its width ${embedDim}`,
      { hint: "choose a number of heads that does" },
    );
  }
  const shape: BlockShape = { ...config, attentionBias: "qv" };
  return [
    ...embeddingSpecs(prefix, embeddingShape(config)),
    ...Array.from(
      { length: config.depth },
      (_, layer) => blockSpecs(`${prefix}blocks.${layer}`, shape, { layer }),
    ).flat(),
    ...affineSpecs(`${prefix}fc_norm`, [embedDim]),
  ];
}

/**
 * All blocks and the output norm, x [B, 3, S, S] or [B, N, inputDim] → patch tokens [B, N, C]. The
 * first `recompute` blocks keep only their input for the backward pass.
 */
export function visionTransformer(
  on: Context,
  config: VisionTransformerConfig,
  parameters: ParameterScope,
  x: Tensor,
  recompute = 0,
): Tensor {
  return tf.tidy(() => {
    let tokens = embed(on, embeddingShape(config), parameters, x, null);
    for (let index = 0; index < config.depth; index++) {
      tokens = block(on, parameters.scope(`blocks.${index}`), tokens, {
        heads: config.heads,
        isRecomputed: index < recompute,
      });
    }
    return norm(on, parameters.scope("fc_norm"), takeTokens(on, tokens, "patches"));
  });
}
