/**
 * CLIP's image encoder (OpenAI, ViT-B/16 and its sisters) as a teacher.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { NamedValues } from "../parameter_set.ts";
import type { VisionTransformerConfig } from "../vision_transformer.ts";
import { clipStatistics } from "./teacher.ts";
import { countBlocks, shapeOf, VitTeacher } from "./vit_teacher.ts";

const blockNames: readonly (readonly [string, string])[] = [
  ["ln_1", "norm1"],
  ["ln_2", "norm2"],
  ["attn.in_proj_weight", "attn.qkv.weight"],
  ["attn.in_proj_bias", "attn.qkv.bias"],
  ["attn.out_proj", "attn.proj"],
  ["mlp.c_fc", "mlp.fc1"],
  ["mlp.c_proj", "mlp.fc2"],
];

/** OpenAI's name, below `visual.`, as ours. */
function ourName(name: string): string {
  const block = /^transformer\.resblocks\.(\d+)\.(.*)$/.exec(name);
  if (block === null) return name.replace(/^ln_pre\./, "norm_pre.").replace(/^ln_post\./, "norm.");
  const pair = blockNames.find(([theirs]) => block[2].startsWith(theirs));
  const rest = pair === undefined ? block[2] : pair[1] + block[2].slice(pair[0].length);
  return `blocks.${block[1]}.${rest}`;
}

/** `weight` [rows, columns] with its axes swapped. */
function transpose({ shape, values }: NamedValues): NamedValues {
  const [rows, columns] = shape;
  const swapped = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      swapped[column * rows + row] = values[row * columns + column];
    }
  }
  return { shape: [columns, rows], values: swapped };
}

/** OpenAI's tensors of the image encoder under our names and shapes. */
function toOurNames(values: ReadonlyMap<string, NamedValues>): Map<string, NamedValues> {
  const ours = new Map<string, NamedValues>();
  for (const [name, value] of values) {
    const start = name.indexOf("visual.");
    if (start >= 0) ours.set(ourName(name.slice(start + "visual.".length)), value);
  }
  const move = (from: string, to: string, change: (value: NamedValues) => NamedValues) => {
    const value = ours.get(from);
    if (value === undefined) return;
    ours.delete(from);
    ours.set(to, change(value));
  };
  move("class_embedding", "cls_token", ({ values }) => ({ shape: [1, 1, values.length], values }));
  move("positional_embedding", "pos_embed", (old) => ({ ...old, shape: [1, ...old.shape] }));
  move("conv1.weight", "patch_embed.proj.weight", (old) => old);
  move("proj", "head.weight", transpose);
  return ours;
}

/**
 * A CLIP teacher from OpenAI's state dict (names with `visual.` in them; the text side is ignored).
 * Targets are the patch tokens after `ln_post`, times `proj`: [B, N, 512] for ViT-B/16.
 *
 * @param heads by default one for each 64 channels, as in all published models
 * @throws UserError where it is no such state dict
 */
export function createClipTeacher(
  on: Context,
  values: ReadonlyMap<string, NamedValues>,
  heads?: number,
): VitTeacher {
  const ours = toOurNames(values);
  const [embedDim, , patchSize] = shapeOf(ours, "patch_embed.proj.weight", "clip");
  const [, positions] = shapeOf(ours, "pos_embed", "clip");
  const [projectionDim] = shapeOf(ours, "head.weight", "clip");
  const [hidden] = shapeOf(ours, "blocks.0.mlp.fc1.weight", "clip");
  // CLIP's convolution has no bias.
  ours.set("patch_embed.proj.bias", { shape: [embedDim], values: new Float32Array(embedDim) });
  const config: VisionTransformerConfig = {
    gridSize: Math.round(Math.sqrt(positions - 1)),
    patchSize,
    inputDim: 3,
    embedDim,
    depth: countBlocks(ours.keys(), "blocks."),
    heads: heads ?? embedDim / 64,
    mlpRatio: hidden / embedDim,
    epsilon: 1e-5,
    activation: "quickGelu",
    attentionBias: "qkv",
    outputNorm: "norm",
    hasInputNorm: true,
  };
  const options = { name: "clip", config, statistics: clipStatistics, projectionDim };
  return new VitTeacher(on, options, ours);
}
