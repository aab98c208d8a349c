/**
 * timm's `VisionTransformer`, which facebookresearch's DINO, DINOv2 and MAE take their names from, and
 * timm's own ViT, CLIP and SigLIP.
 *
 * @module
 */

import { naming } from "./naming.ts";

const recognises = (has: (pattern: RegExp) => boolean) =>
  has(/^(backbone\.)?blocks\.\d+\.norm1\.weight$/) &&
  has(/^(backbone\.)?blocks\.\d+\.attn\.qkv\.bias$/);

const drops = [
  [/^(backbone\.)?mask_token$/, "part of its pretraining"],
  [/^decoder_|^(dino|ibot)_head\.|^head\.(mlp|last_layer)\b/, "part of its pretraining"],
  [/^attn_pool\./, "attention pooling, which no task here uses"],
] as const;

const unfit = [
  [/\.attn\.[qk]_norm\./, "norms of queries and keys"],
  [/\.mlp\.(w12|fc1_g)\./, "a gated MLP (SwiGLU)"],
  [/^(dist_token|head_dist\.)/, "a distillation token"],
  [/^patch_embed\.backbone\./, "convolutions before its patches"],
  [/^blocks\.\d+\.\d+\./, "blocks in chunks"],
] as const;

const declared = {
  format: "timm",
  prefix: /^backbone\./,
  drops,
  unfit,
  pairs: [
    ["register_tokens", "reg_token"],
    ["blocks.{i}.gamma_{i}", "blocks.{i}.ls{i}.gamma"],
    ["{*}", "{*}"],
  ],
} as const;

/** With a norm before its blocks it is CLIP's, whose activation follows from the architecture's name. */
export const timmClip = naming({
  ...declared,
  title: "CLIP",
  recognises: (has) => recognises(has) && has(/^norm_pre\.weight$/),
  shape: { normEpsilon: 1e-5, activation: "quickGelu" },
});

/** Every other. */
export const timmVit = naming({
  ...declared,
  title: "ViT",
  recognises,
  shape: { normEpsilon: 1e-6 },
});
