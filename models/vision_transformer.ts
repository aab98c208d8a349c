/**
 * A plain vision transformer with absolute positions: the tokenizer's encoder and decoder, and the
 * teachers. Parameter names are BEiT's; other models' names are mapped beforehand.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { assembleTokens } from "../backends/ops/assemble_tokens.ts";
import { linear } from "../backends/ops/linear.ts";
import { patchEmbed } from "../backends/ops/patch_embed.ts";
import { takeTokens } from "../backends/ops/take_tokens.ts";
import { UserError } from "../core/errors.ts";
import { block, type MlpActivation, norm } from "./layers/block.ts";
import type { ParameterScope, ParameterSpec } from "./parameter_set.ts";
import { affineSpecs, blockSpecs } from "./parameter_specs.ts";

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
  /** Of the layer norms. */
  readonly epsilon: number;
  readonly activation: MlpActivation;
  /** `qv` as in BEiT, `qkv` as in timm, DINO and CLIP. */
  readonly attentionBias: "qv" | "qkv";
  /** Name of the output norm of the patch tokens: `fc_norm` in the tokenizer, otherwise `norm`. */
  readonly outputNorm: "fc_norm" | "norm";
  /** A norm `norm_pre` before the first block, as in CLIP. */
  readonly hasInputNorm: boolean;
}

/** A plain ViT's settings apart from its sizes, as in the tokenizer. */
export const tokenizerTransformer = {
  mlpRatio: 4,
  epsilon: 1e-6,
  activation: "gelu",
  attentionBias: "qv",
  outputNorm: "fc_norm",
  hasInputNorm: false,
} as const satisfies Partial<VisionTransformerConfig>;

/**
 * Names and shapes of the parameters below `prefix` (`"encoder."`, or `""`).
 *
 * @throws UserError if the heads do not divide the width
 */
export function visionTransformerSpecs(
  prefix: string,
  config: VisionTransformerConfig,
): ParameterSpec[] {
  const { embedDim, gridSize, heads } = config;
  if (embedDim % heads !== 0) {
    throw new UserError(
      `Cannot build the transformer "${prefix}": ${heads} heads do not divide its width ${embedDim}`,
      { hint: "choose a number of heads that does" },
    );
  }
  const patchSize = config.patchSize ?? 1;
  const shape = { ...config, hasLayerScale: false, relativePositionRows: 0 };
  return [
    { name: `${prefix}cls_token`, shape: [1, 1, embedDim] },
    { name: `${prefix}pos_embed`, shape: [1, gridSize ** 2 + 1, embedDim] },
    ...affineSpecs(`${prefix}patch_embed.proj`, [embedDim, config.inputDim, patchSize, patchSize]),
    ...(config.hasInputNorm ? affineSpecs(`${prefix}norm_pre`, [embedDim]) : []),
    ...Array.from(
      { length: config.depth },
      (_, index) => blockSpecs(`${prefix}blocks.${index}`, shape),
    ).flat(),
    ...affineSpecs(`${prefix}${config.outputNorm}`, [embedDim]),
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
  return tf.tidy(() => run(on, config, parameters, x, recompute));
}

function run(
  on: Context,
  config: VisionTransformerConfig,
  parameters: ParameterScope,
  x: Tensor,
  recompute: number,
): Tensor {
  let tokens = assembleTokens(on, {
    patches: embed(on, config, parameters.scope("patch_embed.proj"), x),
    mask: null,
    maskToken: null,
    clsToken: parameters.value("cls_token"),
    positions: parameters.value("pos_embed"),
  });
  const { epsilon, heads, activation } = config;
  if (config.hasInputNorm) tokens = norm(on, parameters, "norm_pre", tokens, epsilon);
  for (let index = 0; index < config.depth; index++) {
    tokens = block(on, parameters.scope(`blocks.${index}`), tokens, {
      heads,
      epsilon,
      activation,
      relativePositionBias: null,
      keep: [null, null],
      isRecomputed: index < recompute,
    });
  }
  return norm(on, parameters, config.outputNorm, takeTokens(on, tokens, "patches"), epsilon);
}

/** x [B, 3, S, S] or [B, N, inputDim] → [B, N, C]. */
function embed(
  on: Context,
  config: VisionTransformerConfig,
  projection: ParameterScope,
  x: Tensor,
): Tensor {
  const weight = projection.value("weight");
  const bias = projection.value("bias");
  if (config.patchSize !== null) return patchEmbed(on, x, weight, bias);
  // A convolution over 1 × 1 "pixels", as the checkpoint stores it, is a linear layer.
  return linear(on, x, tf.reshape(weight, [config.embedDim, config.inputDim]), bias);
}
