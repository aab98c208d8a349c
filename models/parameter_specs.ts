/**
 * Names and shapes of a BEiT's parameters, in the order of microsoft/unilm's state dict.
 *
 * @module
 */

import { type BeitConfig, gridSize } from "./beit_config.ts";
import type { ParameterSpec } from "./parameter_set.ts";
import { relativePositionRows } from "./relative_position.ts";
import { classTokens, poolingNorm } from "../core/transformer_traits.ts";

/** Which of its optional parameters a block has. */
export interface BlockShape {
  readonly embedDim: number;
  readonly heads: number;
  readonly mlpRatio: number;
  /** Layer scale: `gamma_1`, `gamma_2`; none by default. */
  readonly hasLayerScale?: boolean;
  /** Rows of the block's own relative-position table; 0, for none, by default. */
  readonly relativePositionRows?: number;
  /**
   * `qkv`, the default: one bias for queries, keys and values; `qv`: BEiT's `q_bias` and `v_bias`, none
   * for the keys.
   */
  readonly attentionBias?: "qv" | "qkv";
}

/**
 * The two parameters of a linear layer or a layer norm, `prefix.weight` and `prefix.bias`.
 *
 * @param weightShape [outputs, inputs] of a linear layer, [C] of a norm
 */
export function affineSpecs(prefix: string, weightShape: readonly number[]): ParameterSpec[] {
  return [
    { name: `${prefix}.weight`, shape: weightShape },
    { name: `${prefix}.bias`, shape: [weightShape[0]] },
  ];
}

/**
 * The parameters of one transformer block, as `block` reads them below the prefix.
 *
 * @param prefix such as `blocks.0`
 */
export function blockSpecs(prefix: string, shape: BlockShape): ParameterSpec[] {
  const { embedDim, heads, relativePositionRows = 0, attentionBias = "qkv" } = shape;
  const hidden = embedDim * shape.mlpRatio;
  const specs: ParameterSpec[] = [];
  if (shape.hasLayerScale) {
    specs.push({ name: `${prefix}.gamma_1`, shape: [embedDim] });
    specs.push({ name: `${prefix}.gamma_2`, shape: [embedDim] });
  }
  specs.push(...affineSpecs(`${prefix}.norm1`, [embedDim]));
  if (attentionBias === "qv") {
    specs.push({ name: `${prefix}.attn.q_bias`, shape: [embedDim] });
    specs.push({ name: `${prefix}.attn.v_bias`, shape: [embedDim] });
  }
  if (relativePositionRows > 0) {
    const name = `${prefix}.attn.relative_position_bias_table`;
    specs.push({ name, shape: [relativePositionRows, heads] });
  }
  specs.push({ name: `${prefix}.attn.qkv.weight`, shape: [3 * embedDim, embedDim] });
  if (attentionBias === "qkv") {
    specs.push({ name: `${prefix}.attn.qkv.bias`, shape: [3 * embedDim] });
  }
  return [
    ...specs,
    ...affineSpecs(`${prefix}.attn.proj`, [embedDim, embedDim]),
    ...affineSpecs(`${prefix}.norm2`, [embedDim]),
    ...affineSpecs(`${prefix}.mlp.fc1`, [hidden, embedDim]),
    ...affineSpecs(`${prefix}.mlp.fc2`, [embedDim, hidden]),
  ];
}

function beitBlockShape(config: BeitConfig): BlockShape {
  const side = gridSize(config);
  return {
    embedDim: config.embedDim,
    heads: config.heads,
    mlpRatio: config.mlpRatio,
    hasLayerScale: config.layerScaleInitValue > 0,
    relativePositionRows: config.usesRelativePositionBias ? relativePositionRows(side, side) : 0,
    attentionBias: config.attentionBias ?? "qv",
  };
}

/**
 * The parameters of a {@link BeitEncoder} under BEiT's names (`patch_embed.proj.weight`,
 * `blocks.0.attn.qkv.weight`, …).
 *
 * @param options `hasMaskToken`: whether patches are replaced by a learned token before the blocks
 */
export function encoderSpecs(
  config: BeitConfig,
  options: { hasMaskToken: boolean },
): ParameterSpec[] {
  const { embedDim, patchSize, heads } = config;
  const side = gridSize(config);
  const { registers = 0, hasInputNorm = false } = config;
  const specs: ParameterSpec[] = [];
  if (classTokens(config) > 0) specs.push({ name: "cls_token", shape: [1, 1, embedDim] });
  if (registers > 0) specs.push({ name: "register_tokens", shape: [1, registers, embedDim] });
  if (options.hasMaskToken) specs.push({ name: "mask_token", shape: [1, 1, embedDim] });
  if (config.usesAbsolutePositions) {
    specs.push({ name: "pos_embed", shape: [1, side * side + classTokens(config), embedDim] });
  }
  specs.push(...affineSpecs("patch_embed.proj", [embedDim, 3, patchSize, patchSize]));
  if (hasInputNorm) specs.push(...affineSpecs("norm_pre", [embedDim]));
  if (config.usesSharedRelativePositionBias) {
    specs.push({
      name: "rel_pos_bias.relative_position_bias_table",
      shape: [relativePositionRows(side, side), heads],
    });
  }
  for (let index = 0; index < config.depth; index++) {
    specs.push(...blockSpecs(`blocks.${index}`, beitBlockShape(config)));
  }
  return specs;
}

/** Encoder, shared norm, language-model head and aggregation branch. */
export function maskedImageModelSpecs(config: BeitConfig): ParameterSpec[] {
  const { embedDim } = config;
  const specs = [
    ...encoderSpecs(config, { hasMaskToken: true }),
    ...affineSpecs("norm", [embedDim]),
    ...affineSpecs("lm_head", [config.codes, embedDim]),
  ];
  const shape = { ...beitBlockShape(config), relativePositionRows: 0 };
  for (let index = 0; index < config.headLayers; index++) {
    specs.push(...blockSpecs(`cls_pt_layers.${index}`, shape));
  }
  return specs;
}

/** Encoder, the norm for the pooled tokens, and head; `config.classes` must be set. */
export function classifierSpecs(config: BeitConfig): ParameterSpec[] {
  const pooled = (config.pooling === "clsAndMean" ? 2 : 1) * config.embedDim;
  return [
    ...encoderSpecs(config, { hasMaskToken: false }),
    ...affineSpecs(poolingNorm(config), [config.embedDim]),
    ...affineSpecs("head", [config.classes!, pooled]),
  ];
}
