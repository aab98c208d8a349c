/** The tensors and side information of a path: a file, a folder of a hub, or a run. */

import { basename, dirname, join } from "node:path";
import { messageOf, UserError } from "../core/errors.ts";
import type { ModelFormat } from "./formats/model_format.ts";
import type { ModelShape } from "./formats/model_shape.ts";
import { PickleDict, type PthFile } from "./pth.ts";
import { latestCheckpoint } from "./store.ts";
import type { LazyTensor, TensorFile, TensorMap } from "./tensor_data.ts";
import { type AnyTensorFile, openTensorFile } from "./tensor_file.ts";

/** The key in a `.pth` file for tensors that its training code has no place for. */
export const REST_KEY = "mimic_rest";

/** The key of our shape in safetensors metadata, and at the root of our `.pth` files. */
export const SHAPE_KEY = "mimic.shape";

/** Where the same tensors go beside a safetensors file. */
export function restPath(path: string): string {
  return path.replace(/(\.safetensors)?$/, ".rest.safetensors");
}

/** Everything that a path gave. */
export interface CheckpointFiles {
  /** The main file. */
  readonly path: string;
  readonly container: "safetensors" | "pth";
  readonly bytes: number;
  readonly tensors: TensorMap;
  /** Tensors that an export put aside, under our names. */
  readonly rest: TensorMap;
  readonly metadata: Record<string, string>;
  /** Keys from the root of a `.pth` file to its weights. */
  readonly wrappers: readonly string[];
  /** What the files say beyond the names. */
  readonly format: ModelFormat | undefined;
  readonly shape: Partial<ModelShape>;
  close(): void;
}

function lazily(file: TensorFile): TensorMap {
  const tensors: TensorMap = new Map();
  for (const name of file.names()) {
    const tensor: LazyTensor = { ...file.info(name), read: () => file.read(name) };
    tensors.set(name, tensor);
  }
  return tensors;
}

function restOf(file: PthFile): TensorMap {
  const rest: TensorMap = new Map();
  const dict = file.content instanceof PickleDict ? file.content.get(REST_KEY) : undefined;
  if (!(dict instanceof PickleDict)) return rest;
  for (const [name, value] of dict.entries) {
    const isTensor = typeof value === "object" && value !== null && "kind" in value &&
      value.kind === "tensor";
    if (typeof name !== "string" || !isTensor) continue;
    rest.set(name, {
      dtype: value.storage.dtype,
      shape: value.shape,
      read: () => file.readReference(value),
    });
  }
  return rest;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function readJson(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new UserError(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // The parser's message can span lines of the file.
  }
  throw new UserError(`Cannot read "${path}": it is no JSON object`);
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** What a hub folder's `config.json` says: Hugging Face's keys, or timm's. */
function readHubConfig(folder: string): Pick<CheckpointFiles, "format" | "shape"> {
  const path = join(folder, "config.json");
  if (!exists(path)) return { format: undefined, shape: {} };
  const config = readJson(path);
  if (typeof config.architecture === "string") {
    const args = (config.model_args ?? {}) as Record<string, unknown>;
    const shape = { heads: numberOf(args.num_heads), imageSize: numberOf(args.img_size) };
    return { format: "timm", shape };
  }
  if (config.model_type !== "beit") return { format: undefined, shape: {} };
  return {
    format: "huggingface",
    shape: {
      heads: numberOf(config.num_attention_heads),
      imageSize: numberOf(config.image_size),
      layerScaleInitValue: numberOf(config.layer_scale_init_value),
    },
  };
}

/** The file of weights within a folder. */
function mainFile(folder: string): string {
  const candidates = ["model.safetensors", "pytorch_model.bin", "model.pth"];
  const found = candidates.map((name) => join(folder, name)).find(exists);
  if (found) return found;
  if (exists(join(folder, "checkpoints"))) {
    const { checkpoint } = latestCheckpoint(folder);
    if (checkpoint) return mainFile(checkpoint.directory);
  }
  throw new UserError(`Cannot read "${folder}": it holds no weights`, {
    hint: `expected ${candidates.join(", ")} or the checkpoints of a run`,
  });
}

/** What tensors alone do not show; everything else is read off them, whatever a file claims. */
const SHAPE_FIELDS = ["imageSize", "heads", "layerScaleInitValue", "earlyLayers"] as const;

/** The shape that our own writer left in a file. */
function shapeOf({ kind, file }: AnyTensorFile): Partial<ModelShape> {
  const root = kind === "pth" && file.content instanceof PickleDict ? file.content : undefined;
  const text = kind === "pth" ? root?.get(SHAPE_KEY) : file.metadata[SHAPE_KEY];
  try {
    const shape: unknown = JSON.parse(typeof text === "string" ? text : "{}");
    return knownShape(shape as Record<string, unknown>);
  } catch {
    return {};
  }
}

/** Those fields of a shape that are there. */
function knownShape(model: Record<string, unknown>): Partial<ModelShape> {
  const known = SHAPE_FIELDS.filter((field) => Number.isFinite(model[field]));
  return Object.fromEntries(known.map((field) => [field, model[field]]));
}

/** What a run's checkpoint says of its model, beside the weights. */
function readRunShape(path: string): Partial<ModelShape> | undefined {
  const manifest = join(dirname(path), "state.json");
  if (basename(path) !== "model.safetensors" || !exists(manifest)) return undefined;
  const { state } = readJson(manifest) as { state?: { model?: Record<string, unknown> } };
  return knownShape(state?.model ?? {});
}

/** Opens a file, a hub folder or a run directory. */
export async function openCheckpointFiles(from: string | URL): Promise<CheckpointFiles> {
  const isUrl = from instanceof URL || /^https?:\/\//.test(from);
  const isFolder = !isUrl && exists(from) && Deno.statSync(from).isDirectory;
  const path = isFolder ? mainFile(from) : String(from);
  const hub = isFolder ? readHubConfig(from) : { format: undefined, shape: {} };
  const main = await openTensorFile(isFolder ? path : from);
  const sidePath = restPath(path);
  const side = !isUrl && exists(sidePath) ? (await openTensorFile(sidePath)).file : undefined;
  const rest = side ? lazily(side) : main.kind === "pth" ? restOf(main.file) : new Map();
  const { metadata } = main.file;
  const run = isUrl ? undefined : readRunShape(path);
  return {
    path,
    container: main.kind,
    bytes: main.bytes,
    tensors: lazily(main.file),
    rest,
    metadata,
    wrappers: main.kind === "pth" ? main.file.wrappers : [],
    format: SHAPE_KEY in metadata || run ? "mimic" : hub.format,
    shape: { ...hub.shape, ...run, ...shapeOf(main) },
    close() {
      main.file.close();
      side?.close();
    },
  };
}
