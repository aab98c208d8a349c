/**
 * Vision transformers other than BEiT, converted to our names and shapes.
 *
 * @module
 */

import { UserError } from "../../../core/errors.ts";
import type { TensorMap } from "../../tensors/tensor_data.ts";
import type { Infos } from "../model_shape.ts";
import { joinQkv } from "../split_qkv.ts";
import { huggingFaceClip, huggingFaceSiglip } from "./huggingface_clip.ts";
import { huggingFaceDinov2 } from "./huggingface_dinov2.ts";
import { huggingFaceVit } from "./huggingface_vit.ts";
import type { ForeignNaming } from "./naming.ts";
import { openaiClip } from "./openai_clip.ts";
import { adaptTokens } from "./adapt_tokens.ts";
import { timmClip, timmVit } from "./timm_vit.ts";

export type { ForeignNaming } from "./naming.ts";

/** The most specific first. */
const NAMINGS: readonly ForeignNaming[] = [
  huggingFaceDinov2,
  huggingFaceVit,
  huggingFaceClip,
  huggingFaceSiglip,
  openaiClip,
  timmClip,
  timmVit,
];

/** The naming scheme of a set of keys; undefined if it is none of these. */
export function foreignNaming(names: Iterable<string>): ForeignNaming | undefined {
  const keys = [...names];
  const has = (pattern: RegExp) => keys.some((key) => pattern.test(key));
  return NAMINGS.find((naming) => naming.recognises(has));
}

/**
 * An encoder's family, from what it contains: otherwise related families show no difference in
 * their tensors.
 */
export type ModelFamily = "beit" | "vit" | "dinov2" | "clip" | "siglip";

/** The family of tensors under our names. */
export function familyOf(infos: Infos): ModelFamily {
  const block = "blocks.0.";
  if (!infos.has(`${block}attn.qkv.bias`)) return "beit";
  if (infos.has("norm_pre.weight")) return "clip";
  if (!infos.has("cls_token")) return "siglip";
  return infos.has(`${block}gamma_1`) || infos.has("register_tokens") ? "dinov2" : "vit";
}

/**
 * A naming scheme's tensors under our names and with our shapes; those without an equivalent keep their names.
 *
 * @throws UserError for an unsupported variant
 */
export function fromForeign(
  naming: ForeignNaming,
  tensors: TensorMap,
  where: string,
): { tensors: TensorMap; dropped: { name: string; reason: string }[] } {
  const dropped: { name: string; reason: string }[] = [];
  const renamed: TensorMap = new Map();
  const poolsByAttention = [...tensors.keys()].some((name) => name.startsWith("attn_pool."));
  for (const [name, tensor] of tensors) {
    const bad = naming.unfit.find(([pattern]) => pattern.test(name));
    if (bad !== undefined) {
      throw new UserError(
        `Cannot load "${where}": a ${naming.title} with ${bad[1]} ("${name}") is not supported`,
      );
    }
    const reason = naming.drops.find(([pattern]) => pattern.test(name))?.[1];
    if (poolsByAttention && name.startsWith("head.")) {
      dropped.push({ name, reason: "a classifier on attention pooling" });
    } else if (reason !== undefined) dropped.push({ name, reason });
    else renamed.set(naming.toOurs(name) ?? name, tensor);
  }
  return { tensors: adaptTokens(joinQkv(renamed), where), dropped };
}
