/**
 * The names of Hugging Face's BEiT, which keeps query, key and value separate, in two generations: that of
 * every published file, which is written, and that of transformers 5, which is only read.
 *
 * @module
 */

import { keyMap, type KeyPair, prefixed } from "./key_map.ts";

const ENDS: KeyPair[] = [
  ["fc_norm.{*}", "beit.pooler.layernorm.{*}"],
  ["norm.{*}", "layernorm.{*}"],
  // A classifier that uses the class token has the norm inside the model.
  ["norm.{*}", "beit.layernorm.{*}"],
  ["head.{*}", "classifier.{*}"],
  ["lm_head.{*}", "lm_head.{*}"],
];

const EMBEDDINGS: KeyPair[] = [
  ["cls_token", "beit.embeddings.cls_token"],
  ["mask_token", "beit.embeddings.mask_token"],
  ["pos_embed", "beit.embeddings.position_embeddings"],
  ["patch_embed.proj.{*}", "beit.embeddings.patch_embeddings.projection.{*}"],
];

/** `attn.q.weight` and so on are the thirds of our `attn.qkv.weight`. */
const BLOCK: KeyPair[] = [
  ["norm1.{*}", "layernorm_before.{*}"],
  ["norm2.{*}", "layernorm_after.{*}"],
  ["gamma_{i}", "lambda_{i}"],
  ["attn.q.weight", "attention.attention.query.weight"],
  ["attn.k.weight", "attention.attention.key.weight"],
  ["attn.v.weight", "attention.attention.value.weight"],
  ["attn.q_bias", "attention.attention.query.bias"],
  ["attn.v_bias", "attention.attention.value.bias"],
  [
    "attn.relative_position_{*}",
    "attention.attention.relative_position_bias.relative_position_{*}",
  ],
  ["attn.proj.{*}", "attention.output.dense.{*}"],
  ["mlp.fc1.{*}", "intermediate.dense.{*}"],
  ["mlp.fc2.{*}", "output.dense.{*}"],
];

const NEW_BLOCK: KeyPair[] = [
  ["norm1.{*}", "layernorm_before.{*}"],
  ["norm2.{*}", "layernorm_after.{*}"],
  ["gamma_{i}", "lambda_{i}"],
  ["attn.q.weight", "attention.q_proj.weight"],
  ["attn.k.weight", "attention.k_proj.weight"],
  ["attn.v.weight", "attention.v_proj.weight"],
  ["attn.q_bias", "attention.q_proj.bias"],
  ["attn.v_bias", "attention.v_proj.bias"],
  ["attn.relative_position_{*}", "relative_position_bias.relative_position_{*}"],
  ["attn.proj.{*}", "attention.o_proj.{*}"],
  ["mlp.{*}", "mlp.{*}"],
];

const PUBLISHED: KeyPair[] = [
  ...EMBEDDINGS,
  ...ENDS,
  ["rel_pos_bias.{*}", "beit.encoder.relative_position_bias.{*}"],
  ...prefixed("blocks.{i}.", "beit.encoder.layer.{i}.", BLOCK),
];

const NEW: KeyPair[] = [
  ["rel_pos_bias.{*}", "beit.shared_position_bias.{*}"],
  ...prefixed("blocks.{i}.", "beit.layers.{i}.", NEW_BLOCK),
];

const map = keyMap([...PUBLISHED, ...NEW]);

/** Our name for one of their keys; the model without a head has no `beit.` prefix. */
export function fromHuggingFace(name: string): string | undefined {
  return map.toOurs(name) ?? map.toOurs(`beit.${name}`);
}

/** Their name for one of our keys, once `attn.qkv.weight` has been split. */
export const toHuggingFace = map.toTheirs;
