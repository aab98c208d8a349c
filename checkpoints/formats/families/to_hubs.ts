/**
 * Vision transformers other than BEiT under timm's and Hugging Face's names.
 *
 * @module
 */

import { UserError } from "../../../core/errors.ts";
import { sizeOf } from "../../../core/shapes.ts";
import type { LazyTensor, TensorMap } from "../../tensors/tensor_data.ts";
import type { ModelKind, ModelShape } from "../model_shape.ts";
import { splitQkv } from "../split_qkv.ts";
import { reshaped, rowsOf, sum } from "./adapt_tokens.ts";
import { huggingFaceClip, huggingFaceSiglip } from "./huggingface_clip.ts";
import { huggingFaceDinov2 } from "./huggingface_dinov2.ts";
import { huggingFaceVit } from "./huggingface_vit.ts";
import type { ModelFamily } from "./mod.ts";

/** A model from a family other than BEiT. */
export interface ForeignModel {
  readonly family: Exclude<ModelFamily, "beit">;
  readonly kind: ModelKind;
  readonly shape: ModelShape;
}

/** Parts that only one side has, which ours stores aside. */
const ASIDE = /^(mask_token$|projection\.)/;

/** What a class has no place for: a pooling, or a norm that it lacks. */
function refuse(library: string, what: string): never {
  throw new UserError(`Cannot convert to ${library}: ${what}`, {
    hint: "give --to safetensors",
  });
}

/** Names and shapes of timm's `VisionTransformer`. */
export function toTimm(model: ForeignModel, tensors: TensorMap): [TensorMap, TensorMap] {
  const { shape, kind } = model;
  if (kind === "finetune" && shape.pooling === "clsAndMean") {
    refuse(
      "timm",
      "its ViT has no pooling of the class token and the mean of the patches together",
    );
  }
  const [placed, rest]: [TensorMap, TensorMap] = [new Map(), new Map()];
  const registers = (shape.registers ?? 0) > 0;
  const positions = tensors.get("pos_embed");
  for (const [name, tensor] of tensors) {
    if (ASIDE.test(name)) rest.set(name, tensor);
    // timm's embedding has no bias if a norm follows, and CLIP's has none.
    else if (name === "patch_embed.proj.bias" && shape.hasInputNorm) continue;
    // With registers, the class token has no row among the positions.
    else if (registers && name === "cls_token") {
      placed.set(name, sum(tensor, rowsOf(positions!, 0, 1)));
    } else if (registers && name === "pos_embed") {
      placed.set(name, rowsOf(tensor, 1, tensor.shape[1] - 1));
    } else {
      const theirs = name === "register_tokens"
        ? "reg_token"
        : name.replace(/\.gamma_(\d)$/, ".ls$1.gamma");
      placed.set(theirs, tensor);
    }
  }
  return [placed, rest];
}

/** The name of each of transformers' classes, and how it pools. */
const HUGGING_FACE = {
  vit: { naming: huggingFaceVit, prefix: "vit.", pooling: "cls" },
  dinov2: { naming: huggingFaceDinov2, prefix: "dinov2.", pooling: "clsAndMean" },
  clip: { naming: huggingFaceClip, prefix: "vision_model.", pooling: null },
  siglip: { naming: huggingFaceSiglip, prefix: "vision_model.", pooling: "normThenMean" },
} as const;

/** The prefix of all names except the heads'. */
function prefixOf({ family, kind, shape }: ForeignModel): string {
  const { prefix } = HUGGING_FACE[family];
  if (prefix === "vision_model.") return prefix;
  if (kind !== "finetune") return "";
  return family === "dinov2" && shape.registers ? "dinov2_with_registers." : prefix;
}

/** CLIP and SigLIP store vectors and tables without a batch axis. */
function inTheirShape(family: ForeignModel["family"], name: string, tensor: LazyTensor) {
  if (family !== "clip" && family !== "siglip") return tensor;
  if (name === "cls_token") return reshaped(tensor, [sizeOf(tensor.shape)]);
  return name === "pos_embed" ? reshaped(tensor, [...tensor.shape.slice(1)]) : tensor;
}

/** Names and shapes of transformers' class for that family. */
export function toHuggingFaceVit(model: ForeignModel, tensors: TensorMap): [TensorMap, TensorMap] {
  const { family, kind, shape } = model;
  const { naming, pooling } = HUGGING_FACE[family];
  if (kind === "finetune" && (shape.pooling ?? "meanThenNorm") !== pooling) {
    refuse(
      "huggingface",
      `its classifier of a ${family} ${
        pooling === null ? "is not one that mimic writes" : `pools by "${pooling}"`
      }, this model by "${shape.pooling ?? "meanThenNorm"}"`,
    );
  }
  if (!tensors.has("norm.weight")) {
    refuse("huggingface", `its ${family} has a norm after the last block, this model has none`);
  }
  const prefix = prefixOf(model);
  const [placed, rest]: [TensorMap, TensorMap] = [new Map(), new Map()];
  for (const [name, tensor] of splitQkv(tensors)) {
    const theirs = naming.toTheirs(name);
    if (theirs === undefined) rest.set(name, tensor);
    else if (name === "patch_embed.proj.bias" && family === "clip") continue;
    else {
      const isOutside = /^(classifier|visual_projection)\./.test(theirs);
      placed.set(isOutside ? theirs : prefix + theirs, inTheirShape(family, name, tensor));
    }
  }
  return [placed, rest];
}
