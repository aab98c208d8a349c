/**
 * The tensors that a model of a given shape must have, and what is wrong with those found.
 *
 * @module
 */

import { classTokens, poolingNorm } from "../../core/transformer_traits.ts";
import type { Infos, ModelKind, ModelShape } from "./model_shape.ts";
import { tableRows } from "./relative_position_index.ts";

type Shapes = Map<string, number[]>;

function affine(shapes: Shapes, name: string, weight: number[]): void {
  shapes.set(`${name}.weight`, weight);
  shapes.set(`${name}.bias`, [weight[0]]);
}

interface BlockForm {
  width: number;
  hidden: number;
  hasLayerScale: boolean;
  attentionBias: "qv" | "qkv";
  /** Shape of the block's own relative-position table. */
  table: number[] | undefined;
}

function block(shapes: Shapes, name: string, form: BlockForm): void {
  const { width, hidden } = form;
  if (form.hasLayerScale) {
    shapes.set(`${name}.gamma_1`, [width]);
    shapes.set(`${name}.gamma_2`, [width]);
  }
  affine(shapes, `${name}.norm1`, [width]);
  if (form.attentionBias === "qv") {
    shapes.set(`${name}.attn.q_bias`, [width]);
    shapes.set(`${name}.attn.v_bias`, [width]);
  } else shapes.set(`${name}.attn.qkv.bias`, [3 * width]);
  if (form.table) shapes.set(`${name}.attn.relative_position_bias_table`, form.table);
  shapes.set(`${name}.attn.qkv.weight`, [3 * width, width]);
  affine(shapes, `${name}.attn.proj`, [width, width]);
  affine(shapes, `${name}.norm2`, [width]);
  affine(shapes, `${name}.mlp.fc1`, [hidden, width]);
  affine(shapes, `${name}.mlp.fc2`, [width, hidden]);
}

function transformer(shapes: Shapes, prefix: string, shape: ModelShape): BlockForm {
  const { embedDim: width, patchSize, heads } = shape;
  const side = shape.imageSize / patchSize;
  const table = [tableRows(side), heads];
  const form = {
    width,
    hidden: Math.round(width * shape.mlpRatio),
    hasLayerScale: shape.layerScaleInitValue > 0,
    attentionBias: shape.attentionBias ?? "qv",
    table: shape.usesRelativePositionBias ? table : undefined,
  };
  const prefixRows = classTokens(shape);
  if (prefixRows > 0) shapes.set(`${prefix}cls_token`, [1, 1, width]);
  if (shape.registers) shapes.set(`${prefix}register_tokens`, [1, shape.registers, width]);
  if (shape.usesAbsolutePositions) {
    shapes.set(`${prefix}pos_embed`, [1, side * side + prefixRows, width]);
  }
  affine(shapes, `${prefix}patch_embed.proj`, [width, 3, patchSize, patchSize]);
  if (shape.hasInputNorm) affine(shapes, `${prefix}norm_pre`, [width]);
  if (shape.usesSharedRelativePositionBias) {
    shapes.set(`${prefix}rel_pos_bias.relative_position_bias_table`, table);
  }
  for (let i = 0; i < shape.depth; i++) block(shapes, `${prefix}blocks.${i}`, form);
  return form;
}

function tokenizer(shapes: Shapes, shape: ModelShape): void {
  const { embedDim: width, codes = 0, codeDim = 0, decoderDepth = 0, teacherDim = 0 } = shape;
  const form = transformer(shapes, "encoder.", shape);
  affine(shapes, "encoder.fc_norm", [width]);
  if (decoderDepth > 0) {
    const tokens = (shape.imageSize / shape.patchSize) ** 2 + 1;
    shapes.set("decoder.cls_token", [1, 1, width]);
    shapes.set("decoder.pos_embed", [1, tokens, width]);
    affine(shapes, "decoder.patch_embed.proj", [width, codeDim, 1, 1]);
    for (let i = 0; i < decoderDepth; i++) block(shapes, `decoder.blocks.${i}`, form);
    affine(shapes, "decoder.fc_norm", [width]);
  }
  shapes.set("quantize.cluster_size", [codes]);
  shapes.set("quantize.embedding.weight", [codes, codeDim]);
  shapes.set("quantize.embedding.initted", [1]);
  affine(shapes, "encode_task_layer.0", [width, width]);
  affine(shapes, "encode_task_layer.2", [codeDim, width]);
  if (decoderDepth > 0) {
    affine(shapes, "decode_task_layer.0", [width, width]);
    affine(shapes, "decode_task_layer.2", [teacherDim, width]);
  }
}

/** Names and shapes of all tensors of a model, in the order of unilm's state dict. */
export function expectedTensors(kind: ModelKind, shape: ModelShape): Map<string, number[]> {
  const shapes: Shapes = new Map();
  if (kind === "tokenizer") {
    tokenizer(shapes, shape);
    return shapes;
  }
  const { embedDim: width } = shape;
  if (kind === "pretrain") shapes.set("mask_token", [1, 1, width]);
  const form = transformer(shapes, "", shape);
  if (kind === "pretrain") {
    affine(shapes, "norm", [width]);
    affine(shapes, "lm_head", [shape.codes ?? 0, width]);
    for (let i = 0; i < (shape.headLayers ?? 0); i++) {
      block(shapes, `cls_pt_layers.${i}`, { ...form, table: undefined });
    }
  } else if (kind === "finetune") {
    affine(shapes, poolingNorm(shape), [width]);
    affine(shapes, "head", [shape.classes ?? 0, (shape.pooling === "clsAndMean" ? 2 : 1) * width]);
  }
  return shapes;
}

/** A comparison of what was found with what a model needs. */
export interface FitReport {
  /** Needed but missing. */
  missing: string[];
  /** Present with the wrong shape. */
  wrongShape: { name: string; expected: number[]; found: readonly number[] }[];
  /** Present but not needed. */
  leftOver: string[];
}

/** Compares tensors with those that a model of that shape needs. */
export function compareTensors(infos: Infos, kind: ModelKind, shape: ModelShape): FitReport {
  const report: FitReport = { missing: [], wrongShape: [], leftOver: [] };
  const expected = expectedTensors(kind, shape);
  for (const [name, wanted] of expected) {
    const found = infos.get(name)?.shape;
    if (!found) report.missing.push(name);
    else if (found.join() !== wanted.join()) {
      report.wrongShape.push({ name, expected: wanted, found });
    }
  }
  for (const name of infos.keys()) if (!expected.has(name)) report.leftOver.push(name);
  return report;
}
