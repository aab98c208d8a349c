/**
 * The naming schemes that checkpoints are read from and written in.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import type { TensorMap } from "../tensors/tensor_data.ts";
import { fromHuggingFace, toHuggingFace } from "./huggingface_keys.ts";
import { fromMmselfsup, toMmselfsup } from "./mmselfsup_keys.ts";
import type { ModelFamily } from "./families/mod.ts";
import { toHuggingFaceVit, toTimm } from "./families/to_hubs.ts";
import type { ModelKind, ModelShape } from "./model_shape.ts";
import { relativePositionBuffer, sideOfTable } from "./relative_position_index.ts";
import { joinQkv, splitQkv } from "./split_qkv.ts";

/** `mimic` is our own safetensors file; its names are those of unilm and timm. */
export type ModelFormat = "mimic" | "unilm" | "timm" | "mmselfsup" | "huggingface" | "openai";

/** Buffers that models compute themselves, and networks that only taught the tokenizer. */
const NEEDLESS: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)relative_position_index$/, "computed from the window size"],
  [/(^|\.)k_bias$/, "always zero"],
  [/^(teacher|teacher_model|scaling_layer|loss)\./, "part of the tokenizer's teacher"],
  [/^data_preprocessor\./, "part of the data pipeline"],
];

/** Why a tensor of that name is dropped, or `undefined` if it is kept. */
export function reasonToDrop(name: string): string | undefined {
  return NEEDLESS.find(([pattern]) => pattern.test(name))?.[1];
}

/** Prefixes that wrappers around a model add to all of its keys. */
const WRAPPER_PREFIX = /^(module|model|_orig_mod)\./;

/** Removes a prefix that all keys share because the model was wrapped. */
export function withoutWrapperPrefix(tensors: TensorMap): TensorMap {
  const names = [...tensors.keys()];
  const prefix = WRAPPER_PREFIX.exec(names[0] ?? "")?.[0];
  if (!prefix || !names.every((name) => name.startsWith(prefix))) return tensors;
  const bare = [...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor] as const);
  return withoutWrapperPrefix(new Map(bare));
}

/**
 * The naming scheme of a set of keys, or `undefined` for any other model.
 *
 * @example
 * ```ts
 * import { detectFormat } from "./model_format.ts";
 * if (detectFormat(["backbone.layers.0.ln1.weight"]) !== "mmselfsup") throw new Error();
 * if (detectFormat(["blocks.0.norm1.weight", "head.weight"]) !== "timm") throw new Error();
 * ```
 */
export function detectFormat(names: Iterable<string>): ModelFormat | undefined {
  const keys = [...names];
  const has = (pattern: RegExp) => keys.some((key) => pattern.test(key));
  if (has(/^(backbone\.|encoder\.|target_generator\.encoder\.)?layers\.\d+\.ln1\./)) {
    return "mmselfsup";
  }
  if (has(/^(beit\.)?(encoder\.layer|layers)\.\d+\.layernorm_before\./)) return "huggingface";
  if (!has(/^(encoder\.)?blocks\.\d+\.norm1\./)) return undefined;
  const isUnilm = has(/^(encoder|lm_head|cls_pt_layers)\.|^mask_token$|relative_position_index$/);
  return isUnilm ? "unilm" : "timm";
}

/** The tensors under our names; those without an equivalent keep their names. */
export function toOurNames(format: ModelFormat, tensors: TensorMap): TensorMap {
  if (format !== "mmselfsup" && format !== "huggingface") return tensors;
  const rename = format === "mmselfsup" ? fromMmselfsup : fromHuggingFace;
  const renamed = new Map([...tensors].map(([name, tensor]) => [rename(name) ?? name, tensor]));
  return format === "huggingface" ? joinQkv(renamed) : renamed;
}

/** The names (ours) that a format's model class of that kind has. */
function hasPlace(format: ModelFormat, kind: ModelKind, name: string): boolean {
  const isTokenizers = name.startsWith("target_generator.");
  const isOurs = name === "quantize.idle_steps";
  switch (format) {
    case "mimic":
    case "openai":
      return true;
    case "unilm":
      return !isTokenizers && !isOurs && !(kind === "finetune" && name === "mask_token");
    case "mmselfsup":
      if (kind === "tokenizer") {
        return /^(encoder|encode_task_layer)\./.test(name) ||
          /^quantize\.(cluster_size|embedding\.(weight|initted))$/.test(name);
      }
      return !(isTokenizers && kind !== "pretrain") && toMmselfsup(name) !== undefined &&
        !(kind === "finetune" && name === "mask_token");
    case "timm":
      return !isTokenizers && !/^(mask_token$|lm_head\.|cls_pt_|rel_pos_bias\.)/.test(name);
    case "huggingface":
      return !isTokenizers && !name.startsWith("cls_pt_");
  }
}

/** Rejects a model that the format's BEiT class cannot represent. */
function requirePlace(
  format: ModelFormat,
  { kind, family, shape }: { kind: ModelKind; family: ModelFamily; shape: ModelShape },
): void {
  if (format === "mimic") return;
  const isHub = format === "timm" || format === "huggingface";
  if (kind !== "tokenizer" && family !== "beit" && !isHub) {
    throw new UserError(
      `Cannot convert to ${format}: expected a BEiT, found a ${family} without BEiT's biases of q and v`,
      { hint: "give --to timm, huggingface or safetensors" },
    );
  }
  if (format === "mmselfsup" && shape.pooling === "cls") {
    throw new UserError(
      "Cannot convert to mmselfsup: its classifier averages the patches, this one takes the class token",
      { hint: "give --to timm, unilm, huggingface or safetensors" },
    );
  }
}

/** Models in these formats store the relative-position index next to each table. */
function withIndexBuffers(tensors: TensorMap): TensorMap {
  const all: TensorMap = new Map();
  for (const [name, tensor] of tensors) {
    all.set(name, tensor);
    if (name.endsWith("relative_position_bias_table")) {
      const index = name.replace(/bias_table$/, "index");
      const side = sideOfTable(tensor.shape[0]);
      if (side !== undefined) all.set(index, relativePositionBuffer(side));
    }
  }
  return all;
}

/**
 * A model's tensors under a format's names, and the `rest`, under ours, for which its model class has no place.
 * A `UserError` if the format has no class for that kind of model at all.
 */
export function toFormatNames(
  format: ModelFormat,
  { kind, family, shape }: { kind: ModelKind; family: ModelFamily; shape: ModelShape },
  tensors: TensorMap,
): { tensors: TensorMap; rest: TensorMap } {
  requirePlace(format, { kind, family, shape });
  if (kind === "tokenizer" && (format === "timm" || format === "huggingface")) {
    throw new UserError(`Cannot convert a VQ-KD tokenizer to ${format}: it has no class for it`, {
      hint: "give --to mmselfsup, unilm or safetensors",
    });
  }
  if (kind !== "tokenizer" && family !== "beit" && format !== "mimic") {
    const convert = format === "timm" ? toTimm : toHuggingFaceVit;
    const [placed, rest] = convert({ family, kind, shape }, tensors);
    return { tensors: placed, rest };
  }
  const placed: TensorMap = new Map();
  const rest: TensorMap = new Map();
  for (const [name, tensor] of tensors) {
    (hasPlace(format, kind, name) ? placed : rest).set(name, tensor);
  }
  if (format === "mimic" || format === "timm") return { tensors: placed, rest };
  if (format === "unilm") return { tensors: withIndexBuffers(placed), rest };
  const [source, rename] = format === "mmselfsup"
    ? [withIndexBuffers(placed), toMmselfsup]
    : [splitQkv(placed), toHuggingFace];
  const theirs = (name: string) =>
    format === "huggingface" && kind !== "pretrain" && name.startsWith("norm.")
      ? `beit.layer${name}`
      : rename(name) ?? name;
  return { tensors: new Map([...source].map(([name, tensor]) => [theirs(name), tensor])), rest };
}
