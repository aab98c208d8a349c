/**
 * The image encoder of Hugging Face's CLIP and SigLIP, which share most names.
 *
 * @module
 */

import { type KeyPair, prefixed } from "../key_map.ts";
import { naming } from "./naming.ts";

const SHARED: KeyPair[] = [
  ["pos_embed", "embeddings.position_embedding.weight"],
  ["patch_embed.proj.{*}", "embeddings.patch_embedding.{*}"],
  ["norm.{*}", "post_layernorm.{*}"],
  ...prefixed("blocks.{i}.", "encoder.layers.{i}.", [
    ["norm{i}.{*}", "layer_norm{i}.{*}"],
    ["attn.q.{*}", "self_attn.q_proj.{*}"],
    ["attn.k.{*}", "self_attn.k_proj.{*}"],
    ["attn.v.{*}", "self_attn.v_proj.{*}"],
    ["attn.proj.{*}", "self_attn.out_proj.{*}"],
    ["mlp.fc{i}.{*}", "mlp.fc{i}.{*}"],
  ]),
];

const TEXT = [
  /^(text_model|text_projection)\.|^logit_(scale|bias)$/,
  "part of the text encoder",
] as const;
const IDS = [/\.position_ids$/, "computed from the number of patches"] as const;

/** `CLIPModel`, `CLIPVisionModel`, `CLIPVisionModelWithProjection`. */
export const huggingFaceClip = naming({
  format: "huggingface",
  title: "CLIP",
  prefix: /^vision_model\./,
  recognises: (has) => has(/^vision_model\.pre_layrnorm\./),
  pairs: [
    ["cls_token", "embeddings.class_embedding"],
    ["norm_pre.{*}", "pre_layrnorm.{*}"],
    ["projection.weight", "visual_projection.weight"],
    ...SHARED,
  ],
  drops: [TEXT, IDS],
  unfit: [[/^classifier\./, "a classifier on CLIP, which this version does not build"]],
  shape: { normEpsilon: 1e-5, activation: "quickGelu" },
});

/** `SiglipModel`, `SiglipVisionModel` and its classifier, and SigLIP 2 with a fixed size. */
export const huggingFaceSiglip = naming({
  format: "huggingface",
  title: "SigLIP",
  prefix: /^vision_model\./,
  recognises: (has) => has(/^(vision_model\.)?encoder\.layers\.\d+\.self_attn\.k_proj\.bias$/),
  pairs: [["head.{*}", "classifier.{*}"], ...SHARED],
  drops: [TEXT, IDS, [/^(vision_model\.)?head\./, "attention pooling, which no task here uses"]],
  unfit: [],
  shape: { normEpsilon: 1e-6, activation: "geluTanh", pooling: "normThenMean" },
});
