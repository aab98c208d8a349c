/**
 * Hugging Face's ViT: `ViTModel` and its classifier, DINO, which is published as one, and MAE.
 *
 * @module
 */

import { prefixed } from "../key_map.ts";
import { naming } from "./naming.ts";

/** ViT, DINO and MAE in transformers. */
export const huggingFaceVit = naming({
  format: "huggingface",
  title: "ViT",
  prefix: /^vit\./,
  recognises: (has) =>
    has(/^(vit\.)?encoder\.layer\.\d+\.attention\.attention\.key\.bias$/) ||
    has(/^(vit\.)?layers\.\d+\.attention\.k_proj\.bias$/),
  pairs: [
    ["cls_token", "embeddings.cls_token"],
    ["pos_embed", "embeddings.position_embeddings"],
    ["patch_embed.proj.{*}", "embeddings.patch_embeddings.projection.{*}"],
    ["norm.{*}", "layernorm.{*}"],
    ["head.{*}", "classifier.{*}"],
    ...prefixed("blocks.{i}.", "encoder.layer.{i}.", [
      ["norm1.{*}", "layernorm_before.{*}"],
      ["norm2.{*}", "layernorm_after.{*}"],
      ["attn.q.{*}", "attention.attention.query.{*}"],
      ["attn.k.{*}", "attention.attention.key.{*}"],
      ["attn.v.{*}", "attention.attention.value.{*}"],
      ["attn.proj.{*}", "attention.output.dense.{*}"],
      ["mlp.fc1.{*}", "intermediate.dense.{*}"],
      ["mlp.fc2.{*}", "output.dense.{*}"],
    ]),
    // A state dict that transformers 5 has not renamed for saving.
    ...prefixed("blocks.{i}.", "layers.{i}.", [
      ["norm1.{*}", "layernorm_before.{*}"],
      ["norm2.{*}", "layernorm_after.{*}"],
      ["attn.q.{*}", "attention.q_proj.{*}"],
      ["attn.k.{*}", "attention.k_proj.{*}"],
      ["attn.v.{*}", "attention.v_proj.{*}"],
      ["attn.proj.{*}", "attention.o_proj.{*}"],
      ["mlp.{*}", "mlp.{*}"],
    ]),
  ],
  drops: [
    [/^(vit\.)?pooler\./, "part of a pooler that no task here uses"],
    [/^(vit\.)?embeddings\.mask_token$/, "part of its pretraining"],
    [/^decoder\./, "part of its pretraining"],
  ],
  unfit: [],
  shape: { normEpsilon: 1e-12 },
});
