/**
 * From images to the tokens that the first block reads: patch embedding, class token, registers, mask
 * token, absolute positions.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { assembleTokens } from "../../backends/ops/assemble_tokens.ts";
import { appendTokens } from "../../backends/ops/extra_tokens.ts";
import { linear } from "../../backends/ops/linear.ts";
import { patchEmbed } from "../../backends/ops/patch_embed.ts";
import type { Fill } from "../initial_values.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";
import { sincosPositions } from "../sincos_positions.ts";
import { affineSpecs, norm } from "./affine.ts";

/** The sizes of an embedding, and which of its optional parameters it has. */
export interface EmbeddingShape {
  readonly embedDim: number;
  /** Patches per side. */
  readonly side: number;
  /** Pixels per side of a patch; null if the input is tokens [B, N, `inputDim`]. */
  readonly patchSize: number | null;
  /** Channels of an input pixel or token; 3 by default. */
  readonly inputDim?: number;
  readonly classTokens: 0 | 1;
  /** Extra tokens after the others; 0 by default. */
  readonly registers?: number;
  readonly usesAbsolutePositions: boolean;
  /** If set, positions are initialised with sines and cosines of this amplitude. */
  readonly sincosAmplitude?: number;
  /** If set, the tokens go through a norm `norm_pre` with this epsilon. */
  readonly inputNormEpsilon?: number;
}

/**
 * The parameters of an embedding.
 *
 * @param prefix `"encoder."`, or `""`
 * @param hasMaskToken whether patches are replaced by a learned token before the blocks
 */
export function embeddingSpecs(
  prefix: string,
  shape: EmbeddingShape,
  hasMaskToken = false,
): ParameterSpec[] {
  const { embedDim, side, inputDim = 3, classTokens, registers = 0, sincosAmplitude } = shape;
  const patchSize = shape.patchSize ?? 1;
  const sines: Fill = () => sincosPositions(side, embedDim, sincosAmplitude!);
  const tokens = (name: string, count: number, fill?: Fill): ParameterSpec[] =>
    count === 0 ? [] : [{
      name: `${prefix}${name}`,
      shape: [1, count, embedDim],
      initialise: (generator, shape, scheme) => (fill ?? scheme.token)(generator, shape),
    }];
  const positions = shape.usesAbsolutePositions ? side * side + classTokens : 0;
  return [
    ...tokens("cls_token", classTokens),
    ...tokens("register_tokens", registers),
    ...tokens("mask_token", hasMaskToken ? 1 : 0),
    ...tokens("pos_embed", positions, sincosAmplitude === undefined ? undefined : sines),
    ...affineSpecs(
      `${prefix}patch_embed.proj`,
      [embedDim, inputDim, patchSize, patchSize],
      (scheme) => scheme.patchEmbedding,
    ),
    ...(shape.inputNormEpsilon === undefined ? [] : affineSpecs(`${prefix}norm_pre`, [embedDim])),
  ];
}

/** The patch tokens alone, x [B, 3, S, S] or [B, N, inputDim] → [B, N, C]. */
export function embedPatches(
  on: Context,
  { patchSize }: EmbeddingShape,
  parameters: ParameterScope,
  x: Tensor,
): Tensor {
  const projection = parameters.scope("patch_embed.proj");
  const weight = projection.value("weight");
  const bias = projection.value("bias");
  if (patchSize !== null) return patchEmbed(on, x, weight, bias);
  // A convolution over 1 × 1 "pixels", as the checkpoint stores it, is a linear layer.
  return linear(on, x, tf.reshape(weight, weight.shape.slice(0, 2)), bias);
}

/**
 * All tokens, x [B, 3, S, S] or [B, N, inputDim] → [B, T, C]: the class token, the patches, the
 * registers.
 *
 * @param mask [B, N], 1 where a patch is replaced with the mask token; null masks nothing
 */
export function embed(
  on: Context,
  shape: EmbeddingShape,
  parameters: ParameterScope,
  x: Tensor,
  mask: Tensor | null,
): Tensor {
  const { inputNormEpsilon, registers = 0 } = shape;
  const patches = embedPatches(on, shape, parameters, x);
  const positions = shape.usesAbsolutePositions ? parameters.value("pos_embed") : null;
  let tokens = shape.classTokens > 0
    ? assembleTokens(on, {
      patches,
      mask,
      maskToken: mask === null ? null : parameters.value("mask_token"),
      clsToken: parameters.value("cls_token"),
      positions,
    })
    : positions === null
    ? patches
    : tf.add(patches, positions);
  if (inputNormEpsilon !== undefined) {
    tokens = norm(on, parameters.scope("norm_pre"), tokens, inputNormEpsilon);
  }
  // Blocks do not depend on the order; at the end, registers do not affect how rows are counted.
  return registers > 0 ? appendTokens(on, tokens, parameters.value("register_tokens")) : tokens;
}
