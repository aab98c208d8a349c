/**
 * DINO's vision transformer (facebookresearch/dino, ViT-B/16 and its sisters) as a teacher; other
 * plain ViTs under timm's names work too.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { NamedValues } from "../parameter_set.ts";
import type { VisionTransformerConfig } from "../vision_transformer.ts";
import { imagenetStatistics } from "./teacher.ts";
import { countBlocks, shapeOf, VitTeacher } from "./vit_teacher.ts";

/** Wrappers that checkpoints of DINO and of the tokenizer put around the names. */
const wrappers = /^(module\.|backbone\.|teacher_model\.)+/;

/**
 * A DINO teacher from its state dict. Targets are the patch tokens after the final norm,
 * [B, N, 768] for ViT-B/16.
 *
 * @param heads by default one for each 64 channels, as in all published models
 * @throws UserError where it is no such state dict
 */
export function createDinoTeacher(
  on: Context,
  values: ReadonlyMap<string, NamedValues>,
  heads?: number,
): VitTeacher {
  const ours = new Map<string, NamedValues>();
  for (const [name, value] of values) ours.set(name.replace(wrappers, ""), value);
  const [embedDim, , patchSize] = shapeOf(ours, "patch_embed.proj.weight", "dino");
  const [, positions] = shapeOf(ours, "pos_embed", "dino");
  const [hidden] = shapeOf(ours, "blocks.0.mlp.fc1.weight", "dino");
  const config: VisionTransformerConfig = {
    gridSize: Math.round(Math.sqrt(positions - 1)),
    patchSize,
    inputDim: 3,
    embedDim,
    depth: countBlocks(ours.keys(), "blocks."),
    heads: heads ?? embedDim / 64,
    mlpRatio: hidden / embedDim,
    epsilon: 1e-6,
    activation: "gelu",
    attentionBias: "qkv",
    outputNorm: "norm",
    hasInputNorm: false,
  };
  const options = { name: "dino", config, statistics: imagenetStatistics, projectionDim: null };
  return new VitTeacher(on, options, ours);
}
