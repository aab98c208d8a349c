/**
 * The image encoder of OpenAI's CLIP, and of the open_clip models with the same names.
 *
 * @module
 */

import { prefixed } from "../key_map.ts";
import { naming } from "./naming.ts";

/** `visual.…` of a CLIP with a vision transformer. */
export const openaiClip = naming({
  format: "openai",
  title: "CLIP",
  prefix: /^(.*\.)?visual\./,
  recognises: (has) => has(/(^|\.)visual\.transformer\.resblocks\.\d+\./),
  pairs: [
    ["cls_token", "class_embedding"],
    ["pos_embed", "positional_embedding"],
    ["patch_embed.proj.{*}", "conv1.{*}"],
    ["norm_pre.{*}", "ln_pre.{*}"],
    ["norm.{*}", "ln_post.{*}"],
    ["projection.transposed", "proj"],
    ...prefixed("blocks.{i}.", "transformer.resblocks.{i}.", [
      ["norm{i}.{*}", "ln_{i}.{*}"],
      ["attn.qkv.weight", "attn.in_proj_weight"],
      ["attn.qkv.bias", "attn.in_proj_bias"],
      ["attn.proj.{*}", "attn.out_proj.{*}"],
      ["mlp.fc1.{*}", "mlp.c_fc.{*}"],
      ["mlp.fc2.{*}", "mlp.c_proj.{*}"],
    ]),
  ],
  drops: [
    [
      /^(transformer|token_embedding|ln_final)\.|^(positional_embedding|text_projection|logit_scale)$/,
      "part of the text encoder",
    ],
    [/^(input_resolution|context_length|vocab_size)$/, "a number that the shapes show"],
  ],
  unfit: [],
  shape: { normEpsilon: 1e-5, activation: "quickGelu" },
});
