/**
 * The names of mmselfsup 1.x and mmpretrain: pretraining, fine-tuning, the `vqkd_encoder` tokenizer.
 *
 * @module
 */

import { keyMap, type KeyPair, prefixed } from "./key_map.ts";

/** One transformer block, below `blocks.{i}.` and `layers.{i}.`. */
const BLOCK: KeyPair[] = [
  ["norm1.{*}", "ln1.{*}"],
  ["norm2.{*}", "ln2.{*}"],
  ["mlp.fc1.{*}", "ffn.layers.0.0.{*}"],
  ["mlp.fc2.{*}", "ffn.layers.1.{*}"],
  ["attn.{*}", "attn.{*}"],
  ["gamma_{i}", "gamma_{i}"],
];

const ENCODER: KeyPair[] = [
  ["cls_token", "cls_token"],
  ["mask_token", "mask_token"],
  ["pos_embed", "pos_embed"],
  ["patch_embed.proj.{*}", "patch_embed.projection.{*}"],
  ["rel_pos_bias.{*}", "rel_pos_bias.{*}"],
  ...prefixed("blocks.{i}.", "layers.{i}.", BLOCK),
];

/** The tokenizer's encoder ends in `ln1`, unilm's in `fc_norm`: the same weights (SPEC g.2). */
const TOKENIZER: KeyPair[] = [
  ...prefixed("encoder.", "encoder.", ENCODER),
  ["encoder.fc_norm.{*}", "encoder.ln1.{*}"],
  ["quantize.{*}", "quantize.{*}"],
  ["encode_task_layer.{*}", "encode_task_layer.{*}"],
];

const MODEL: KeyPair[] = [
  ...prefixed("", "backbone.", ENCODER),
  ["fc_norm.{*}", "backbone.ln2.{*}"],
  ["norm.{*}", "neck.norm.{*}"],
  ["lm_head.{*}", "head.cls_head.{*}"],
  ["head.{*}", "head.fc.{*}"],
  ...prefixed("cls_pt_layers.{i}.", "neck.patch_aggregation.{i}.", BLOCK),
  ...prefixed("target_generator.", "target_generator.", TOKENIZER),
];

/** Read but never written: backbones without their prefix, and a norm after all blocks. */
const READ_ONLY: KeyPair[] = [
  ["norm.{*}", "backbone.ln1.{*}"],
  ...ENCODER,
  ["fc_norm.{*}", "ln2.{*}"],
  ["norm.{*}", "ln1.{*}"],
];

const written = keyMap([...MODEL, ...TOKENIZER]);
const read = keyMap([...MODEL, ...TOKENIZER, ...READ_ONLY]);

/** Our name for one of their keys. */
export const fromMmselfsup = read.toOurs;

/** Their name for one of our keys. */
export const toMmselfsup = written.toTheirs;
