/**
 * Hugging Face's DINOv2, with and without registers.
 *
 * @module
 */

import { prefixed } from "../key_map.ts";
import { naming } from "./naming.ts";

/** `Dinov2Model`, `Dinov2WithRegistersModel` and their classifiers. */
export const huggingFaceDinov2 = naming({
  format: "huggingface",
  title: "DINOv2",
  prefix: /^dinov2(_with_registers)?\./,
  recognises: (has) =>
    has(/^(dinov2(_with_registers)?\.)?encoder\.layer\.\d+\.layer_scale1\.lambda1$/),
  pairs: [
    ["cls_token", "embeddings.cls_token"],
    ["register_tokens", "embeddings.register_tokens"],
    ["pos_embed", "embeddings.position_embeddings"],
    ["patch_embed.proj.{*}", "embeddings.patch_embeddings.projection.{*}"],
    ["norm.{*}", "layernorm.{*}"],
    ["head.{*}", "classifier.{*}"],
    ...prefixed("blocks.{i}.", "encoder.layer.{i}.", [
      ["norm{i}.{*}", "norm{i}.{*}"],
      ["gamma_{i}", "layer_scale{i}.lambda1"],
      ["attn.q.{*}", "attention.attention.query.{*}"],
      ["attn.k.{*}", "attention.attention.key.{*}"],
      ["attn.v.{*}", "attention.attention.value.{*}"],
      ["attn.proj.{*}", "attention.output.dense.{*}"],
      ["attn.q.{*}", "attention.q_proj.{*}"],
      ["attn.k.{*}", "attention.k_proj.{*}"],
      ["attn.v.{*}", "attention.v_proj.{*}"],
      ["attn.proj.{*}", "attention.o_proj.{*}"],
      ["mlp.fc{i}.{*}", "mlp.fc{i}.{*}"],
    ]),
  ],
  drops: [[/(^|\.)embeddings\.mask_token$/, "part of its pretraining"]],
  unfit: [[/\.mlp\.weights_in\./, "a gated MLP (SwiGLU)"]],
  shape: { normEpsilon: 1e-6 },
});
