/**
 * What a model is, judging by the shapes of its tensors.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import type { Pooling, TransformerTraits } from "../../core/transformer_traits.ts";
import type { TensorInfo } from "../tensors/tensor_data.ts";
import { sideOfTable } from "./relative_position_index.ts";

/** What a checkpoint holds. */
export type ModelKind = "pretrain" | "finetune" | "tokenizer" | "encoder";

/** The shape of a model: a subset of the model config, plus what only a tokenizer has. */
export interface ModelShape extends TransformerTraits {
  /** Pixels along a side; images are square. */
  imageSize: number;
  /** Side of a patch in pixels. */
  patchSize: number;
  /** Width of the tokens. */
  embedDim: number;
  /** Number of blocks. */
  depth: number;
  /** Attention heads per block. */
  heads: number;
  /** Width of the MLP's hidden layer, relative to `embedDim`. */
  mlpRatio: number;
  /** 0 for a model without layer scale; the initial value itself leaves no trace in a checkpoint. */
  layerScaleInitValue: number;
  /** Whether a learned embedding is added to every position. */
  usesAbsolutePositions: boolean;
  /** Whether all blocks share one table of relative positions. */
  usesSharedRelativePositionBias: boolean;
  /** Whether every block has its own table of relative positions. */
  usesRelativePositionBias: boolean;
  /** Number of classes, for a classifier. */
  classes?: number;
  /** Number of codes, for a pretraining model or a tokenizer. */
  codes?: number;
  /** Blocks before the early output: depth − 3, by the reference's convention. */
  earlyLayers?: number;
  /** Blocks in the aggregation branch. */
  headLayers?: number;
  /** Width of a code; tokenizers only. */
  codeDim?: number;
  /** Blocks in the decoder, 0 for an encoder alone; tokenizers only. */
  decoderDepth?: number;
  /** Width of the teacher's features, 0 without a decoder; tokenizers only. */
  teacherDim?: number;
}

/** Shapes by name, as every map of tensors has them. */
export type Infos = ReadonlyMap<string, TensorInfo>;

/** What the tensors are, or `undefined` if they are not a BEiT. All names are ours. */
export function kindOf(infos: Infos): ModelKind | undefined {
  if (infos.has("quantize.embedding.weight") && infos.has("encoder.blocks.0.attn.qkv.weight")) {
    return "tokenizer";
  }
  if (!infos.has("blocks.0.attn.qkv.weight")) return undefined;
  if (infos.has("lm_head.weight") || infos.has("cls_pt_layers.0.attn.qkv.weight")) {
    return "pretrain";
  }
  return infos.has("head.weight") ? "finetune" : "encoder";
}

function countBlocks(infos: Infos, prefix: string): number {
  let count = 0;
  while (infos.has(`${prefix}${count}.attn.qkv.weight`)) count++;
  return count;
}

function needShape(infos: Infos, name: string, axes: number): readonly number[] {
  const info = infos.get(name);
  if (!info || info.shape.length !== axes) {
    throw new UserError(
      `Cannot tell the model's shape: "${name}" ${
        info ? `has ${info.shape.length} axes instead of ${axes}` : "is missing"
      }`,
    );
  }
  return info.shape;
}

/** Patches per side, from whichever position parameter there is; 14 if there is none. */
function gridOf(infos: Infos, prefix: string): number {
  const positions = infos.get(`${prefix}pos_embed`);
  const prefixRows = infos.has(`${prefix}cls_token`) ? 1 : 0;
  const side = positions && Math.sqrt(positions.shape[1] - prefixRows);
  if (side !== undefined && Number.isInteger(side) && side > 0) return side;
  const table = infos.get(`${prefix}rel_pos_bias.relative_position_bias_table`) ??
    infos.get(`${prefix}blocks.0.attn.relative_position_bias_table`);
  return (table && sideOfTable(table.shape[0])) ?? 14;
}

/** Numbers of heads of published models that do not have one per 64 channels: So400m, huge, giant. */
const HEADS_OF_WIDTH: Readonly<Record<number, number>> = {
  1152: 16,
  1280: 16,
  1408: 16,
  1664: 16,
};

function headsOf(infos: Infos, prefix: string, embedDim: number): number {
  const table = infos.get(`${prefix}rel_pos_bias.relative_position_bias_table`) ??
    infos.get(`${prefix}blocks.0.attn.relative_position_bias_table`);
  return table?.shape[1] ?? HEADS_OF_WIDTH[embedDim] ?? Math.max(1, Math.round(embedDim / 64));
}

/** A model's differences from BEiT, as far as the tensors show them. */
function traitsOf(infos: Infos): TransformerTraits {
  const registers = infos.get("register_tokens")?.shape[1];
  return {
    ...(infos.has("blocks.0.attn.qkv.bias") ? { attentionBias: "qkv" } as const : {}),
    ...(infos.has("norm_pre.weight") ? { hasInputNorm: true } : {}),
    ...(registers === undefined ? {} : { registers }),
    ...(infos.has("blocks.0.attn.qkv.bias") && !infos.has("cls_token")
      ? { hasClassToken: false }
      : {}),
  };
}

/** How a classifier pools, which the norm's name and the head's width largely determine. */
function poolingOf(infos: Infos, embedDim: number, told: Pooling = "cls"): Pooling | undefined {
  if (infos.has("fc_norm.weight") || !infos.has("norm.weight")) return undefined;
  if (infos.get("head.weight")?.shape[1] === 2 * embedDim) return "clsAndMean";
  return told === "normThenMean" ? told : "cls";
}

function encoderShape(infos: Infos, prefix: string): ModelShape {
  const [embedDim, , patchSize] = needShape(infos, `${prefix}patch_embed.proj.weight`, 4);
  const [hidden] = needShape(infos, `${prefix}blocks.0.mlp.fc1.weight`, 2);
  return {
    imageSize: gridOf(infos, prefix) * patchSize,
    patchSize,
    embedDim,
    depth: countBlocks(infos, `${prefix}blocks.`),
    heads: headsOf(infos, prefix, embedDim),
    mlpRatio: hidden / embedDim,
    layerScaleInitValue: infos.has(`${prefix}blocks.0.gamma_1`) ? 0.1 : 0,
    usesAbsolutePositions: infos.has(`${prefix}pos_embed`),
    usesSharedRelativePositionBias: infos.has(`${prefix}rel_pos_bias.relative_position_bias_table`),
    usesRelativePositionBias: infos.has(`${prefix}blocks.0.attn.relative_position_bias_table`),
    ...(prefix === "" ? traitsOf(infos) : {}),
  };
}

/**
 * The shape of a model from its tensors; `known` takes precedence, for what the file says by other means: a
 * model without relative positions does not show its number of heads. A `UserError` names the tensor whose
 * absence makes this impossible.
 *
 * @example
 * ```ts
 * import { inferShape } from "./model_shape.ts";
 * const info = (...shape: number[]) => ({ dtype: "F32", shape } as const);
 * const shape = inferShape(new Map([
 *   ["patch_embed.proj.weight", info(24, 3, 8, 8)],
 *   ["blocks.0.attn.qkv.weight", info(72, 24)],
 *   ["blocks.0.mlp.fc1.weight", info(96, 24)],
 *   ["rel_pos_bias.relative_position_bias_table", info(52, 4)],
 *   ["lm_head.weight", info(64, 24)],
 * ]), "pretrain");
 * if (shape.imageSize !== 32 || shape.heads !== 4 || shape.codes !== 64) throw new Error();
 * ```
 */
export function inferShape(
  infos: Infos,
  kind: ModelKind,
  known: Partial<ModelShape> = {},
): ModelShape {
  const shape = encoderShape(infos, kind === "tokenizer" ? "encoder." : "");
  if (kind === "tokenizer") {
    [shape.codes, shape.codeDim] = needShape(infos, "quantize.embedding.weight", 2);
    shape.decoderDepth = countBlocks(infos, "decoder.blocks.");
    shape.teacherDim = infos.get("decode_task_layer.2.weight")?.shape[0] ?? 0;
  }
  if (kind === "pretrain") {
    shape.codes = infos.get("lm_head.weight")?.shape[0];
    shape.headLayers = countBlocks(infos, "cls_pt_layers.");
    shape.earlyLayers = Math.max(1, shape.depth - 3);
  }
  if (kind === "finetune") shape.classes = needShape(infos, "head.weight", 2)[0];
  const { pooling, ...told } = known;
  const given = Object.entries(told).filter(([, value]) => value !== undefined);
  const found = kind === "finetune" ? poolingOf(infos, shape.embedDim, pooling) : undefined;
  return {
    ...shape,
    ...(found === undefined ? {} : { pooling: found }),
    ...Object.fromEntries(given),
  };
}
