/** The tensors and additional information at a path: a file, a hub folder, or a run. */

import { basename, dirname, join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { knownShape, readFileNotes, SHAPE_KEY } from "../file_notes.ts";
import { HUB_WEIGHTS, type ModelNotes, readHubFolder, readJson } from "../hub/hub_folder.ts";
import { indexPath, openShards } from "../safetensors/sharded_file.ts";
import type { ModelFormat } from "../formats/model_format.ts";
import type { ModelShape } from "../formats/model_shape.ts";
import type { Preprocessing } from "../hub/preprocessing.ts";
import { PickleDict, type PthFile } from "../pth/pth.ts";
import { MANIFEST_FILE } from "./checkpoint_manifest.ts";
import { latestCheckpoint } from "./store.ts";
import type { LazyTensor, TensorFile, TensorMap } from "../tensors/tensor_data.ts";
import { type AnyTensorFile, openTensorFile } from "../tensors/tensor_file.ts";
import { exists, isFolder } from "../path_kinds.ts";

/** The key in a `.pth` file for tensors that the training code has no place for. */
export const REST_KEY = "mimic_rest";

/** Where the same tensors go next to a safetensors file. */
export function restPath(path: string): string {
  return path.replace(/(\.safetensors)?$/, ".rest.safetensors");
}

/** Everything found at a path. */
export interface CheckpointFiles {
  /** The main file. */
  readonly path: string;
  readonly container: "safetensors" | "pth";
  readonly bytes: number;
  readonly tensors: TensorMap;
  /** Tensors that an export stored aside, under our names. */
  readonly rest: TensorMap;
  readonly metadata: Record<string, string>;
  /** Keys from the root of a `.pth` file to its weights. */
  readonly wrappers: readonly string[];
  /** What the files say beyond the names. */
  readonly format: ModelFormat | undefined;
  readonly shape: Partial<ModelShape>;
  readonly preprocessing: Preprocessing | undefined;
  readonly classNames: readonly string[] | undefined;
  readonly tokenizer: string | undefined;
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

/** The file of weights within a folder. */
function mainFile(folder: string): string {
  const candidates = [...HUB_WEIGHTS, "model.pth"];
  const paths = candidates.map((name) => join(folder, name));
  const found = paths.find((path) => exists(path) || exists(indexPath(path)));
  if (found) return found;
  if (exists(join(folder, "checkpoints"))) {
    const { checkpoint } = latestCheckpoint(folder);
    if (checkpoint) return mainFile(checkpoint.directory);
  }
  throw new UserError(`Cannot read "${folder}": it holds no weights`, {
    hint: `expected ${candidates.join(", ")} or the checkpoints of a run`,
  });
}

/** What the `state.json` of a run's checkpoint says about its model, besides the weights. */
export function shapeInState(manifest: Readonly<Record<string, unknown>>): Partial<ModelShape> {
  const { state } = manifest as { state?: { model?: Record<string, unknown> } };
  return knownShape(state?.model ?? {});
}

function readRunShape(path: string): Partial<ModelShape> | undefined {
  const manifest = join(dirname(path), MANIFEST_FILE);
  if (basename(path) !== "model.safetensors" || !exists(manifest)) return undefined;
  return shapeInState(readJson(manifest));
}

/** Opens a file, a hub folder or a run directory. */
export async function openCheckpointFiles(from: string | URL): Promise<CheckpointFiles> {
  const isUrl = from instanceof URL || /^https?:\/\//.test(from);
  const fromFolder = !isUrl && isFolder(String(from));
  const found = fromFolder ? mainFile(from) : String(from);
  const isSharded = fromFolder && !exists(found);
  const isHub = !isUrl && HUB_WEIGHTS.some((name) => basename(found) === name);
  const hub: ModelNotes = isHub ? readHubFolder(dirname(found)) : {};
  const path = isSharded ? indexPath(found) : found;
  const main = isSharded ? await openShards(path) : await openTensorFile(fromFolder ? path : from);
  const sidePath = restPath(found);
  const side = !isUrl && exists(sidePath) ? (await openTensorFile(sidePath)).file : undefined;
  return checkpointFilesOf(path, main, { hub, side, run: isUrl ? undefined : readRunShape(path) });
}

/** What was found beside the file of weights. */
interface Beside {
  readonly hub?: ModelNotes;
  /** Tensors that an export stored aside. */
  readonly side?: TensorFile | undefined;
  /** For a run's checkpoint, what it says of the model. */
  readonly run?: Partial<ModelShape> | undefined;
}

/** An opened file of weights with what was found beside it. */
export function checkpointFilesOf(
  path: string,
  main: AnyTensorFile,
  { hub = {}, side, run }: Beside = {},
): CheckpointFiles {
  const rest = side ? lazily(side) : main.kind === "pth" ? restOf(main.file) : new Map();
  const { metadata } = main.file;
  const own = readFileNotes(main);
  return {
    path,
    container: main.kind,
    bytes: main.bytes,
    tensors: lazily(main.file),
    rest,
    metadata,
    wrappers: main.kind === "pth" ? main.file.wrappers : [],
    format: SHAPE_KEY in metadata || run ? "mimic" : hub.format,
    shape: { ...hub.shape, ...run, ...own.shape },
    preprocessing: own.preprocessing ?? hub.preprocessing,
    classNames: own.classNames ?? hub.classNames,
    tokenizer: own.tokenizer,
    close() {
      main.file.close();
      side?.close();
    },
  };
}
