/** The files of a conversion, as each library's loader wants them. */

import { join } from "node:path";
import { messageOf, UserError } from "../core/errors.ts";
import { REST_KEY, restPath } from "./store/checkpoint_files.ts";
import { fileNotes } from "./file_notes.ts";
import {
  configText,
  type DescribedModel,
  huggingFaceConfig,
  huggingFacePreprocessor,
  timmConfig,
} from "./hub/hub_configs.ts";
import type { ModelFamily } from "./formats/families/mod.ts";
import type { ModelKind, ModelShape } from "./formats/model_shape.ts";
import { type Preprocessing, preprocessingMetadata } from "./hub/preprocessing.ts";
import { type PthContent, writePth } from "./pth/pth_writer.ts";
import { writeSafetensors } from "./safetensors/safetensors_writer.ts";
import type { TensorMap } from "./tensors/tensor_data.ts";

/** A format to convert to; `safetensors` is our own. */
export type ConvertTarget = "timm" | "mmselfsup" | "unilm" | "huggingface" | "safetensors";

/** What `--to` accepts. */
export const CONVERT_TARGETS = [
  "timm",
  "mmselfsup",
  "unilm",
  "huggingface",
  "safetensors",
] as const satisfies ConvertTarget[];

/** Makes a folder, and those above it. @throws UserError if it cannot be made */
export function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot write "${path}": ${messageOf(error)}`, { cause: error });
  }
}

function writeJson(path: string, value: unknown): string {
  try {
    Deno.writeTextFileSync(path, configText(value));
  } catch (error) {
    throw new UserError(`Cannot write "${path}": ${messageOf(error)}`, { cause: error });
  }
  return path;
}

/**
 * Writes to a temporary file and renames it, so that a file can be converted onto itself and is never
 * half-written.
 */
async function atomically(path: string, write: (path: string) => Promise<unknown>): Promise<void> {
  const aside = `${path}.tmp`;
  try {
    await write(aside);
    Deno.renameSync(aside, path);
  } catch (error) {
    await Deno.remove(aside).catch(() => {});
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot write "${path}": ${messageOf(error)}`, { cause: error });
  }
}

/** Writes the main file and, if there is one, the rest next to it. */
async function writeSafetensorsPair(
  path: string,
  tensors: TensorMap,
  rest: TensorMap,
  metadata: Record<string, string>,
): Promise<string[]> {
  await atomically(path, (aside) => writeSafetensors(aside, tensors, metadata));
  if (rest.size === 0) {
    // A rest from an earlier conversion would be mistaken for this file's.
    await Deno.remove(restPath(path)).catch(() => {});
    return [path];
  }
  await atomically(restPath(path), (aside) => writeSafetensors(aside, rest, { format: "pt" }));
  return [path, restPath(path)];
}

/** A model being exported. */
export interface Export {
  out: string;
  kind: ModelKind;
  family: ModelFamily;
  shape: ModelShape;
  tensors: TensorMap;
  rest: TensorMap;
  preprocessing: Preprocessing;
  classNames: readonly string[] | undefined;
  tokenizer: string | undefined;
}

/** What an export's configs say about it. */
function described({ kind, family, shape, tensors, classNames: names }: Export): DescribedModel {
  return {
    kind,
    family,
    shape,
    names,
    hasFinalNorm: tensors.has("norm.weight"),
    projectionDim: tensors.get("visual_projection.weight")?.shape[0],
  };
}

async function writePthFile(
  { out, shape, tensors, rest, preprocessing, classNames, tokenizer }: Export,
  wrapper: "model" | "state_dict",
): Promise<string[]> {
  const content: Record<string, PthContent> = {};
  if (wrapper === "state_dict") {
    // Where mmpretrain's inferencers look for the names.
    const meta: Record<string, PthContent> = { author: "mimic" };
    if (classNames !== undefined) meta.dataset_meta = { classes: [...classNames] };
    content.meta = meta;
  }
  content[wrapper] = tensors;
  Object.assign(content, fileNotes({ shape, preprocessing, classNames, tokenizer }));
  if (rest.size > 0) content[REST_KEY] = rest;
  await atomically(out, (path) => writePth(path, content));
  return [out];
}

async function writeTimm(given: Export): Promise<string[]> {
  const { out, tensors, rest, preprocessing, classNames: names } = given;
  const config = timmConfig(described(given), preprocessing);
  const metadata = {
    format: "pt",
    architecture: String(config.architecture),
    ...preprocessingMetadata(preprocessing),
    ...fileNotes({ classNames: names }),
  };
  if (/\.(pth|pt|bin)$/.test(out)) return await writePthFile(given, "state_dict");
  if (out.endsWith(".safetensors")) {
    return await writeSafetensorsPair(out, tensors, rest, metadata);
  }
  makeFolder(out);
  return [
    ...await writeSafetensorsPair(join(out, "model.safetensors"), tensors, rest, metadata),
    writeJson(join(out, "config.json"), config),
  ];
}

async function writeHuggingFace(given: Export): Promise<string[]> {
  const { out, shape, tensors, rest, preprocessing } = given;
  makeFolder(out);
  const weights = join(out, "model.safetensors");
  return [
    ...await writeSafetensorsPair(weights, tensors, rest, { format: "pt" }),
    writeJson(join(out, "config.json"), huggingFaceConfig(described(given))),
    writeJson(join(out, "preprocessor_config.json"), huggingFacePreprocessor(shape, preprocessing)),
  ];
}

async function writeOurs(
  { out, kind, shape, tensors, preprocessing, classNames, tokenizer }: Export,
): Promise<string[]> {
  const notes = fileNotes({ shape, preprocessing, classNames, tokenizer });
  const metadata = { format: "pt", "mimic.kind": kind, ...notes };
  await atomically(out, (path) => writeSafetensors(path, tensors, metadata));
  return [out];
}

/** Writes a model in the form that a target's loader reads; returns the files. */
export function writeExport(to: ConvertTarget, given: Export): Promise<string[]> {
  switch (to) {
    case "timm":
      return writeTimm(given);
    case "huggingface":
      return writeHuggingFace(given);
    case "safetensors":
      return writeOurs(given);
    case "unilm":
      return writePthFile(given, "model");
    case "mmselfsup":
      return writePthFile(given, "state_dict");
  }
}
