/**
 * A checkpoint from files that were handed over, not named: those that a user chose in a browser.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import {
  HUB_WEIGHTS,
  hubNotes,
  jsonOf,
  type ModelNotes,
  PROCESSOR_FILE,
} from "../hub/hub_folder.ts";
import { blobSource } from "../tensors/byte_source.ts";
import { tensorFileOf } from "../tensors/tensor_file.ts";
import { type CheckpointFiles, checkpointFilesOf, shapeInState } from "./checkpoint_files.ts";
import { MANIFEST_FILE } from "./checkpoint_manifest.ts";

/** A file and its path in the chosen folder, with slashes. */
export interface GivenFile {
  readonly path: string;
  readonly content: Blob;
}

/** An opened checkpoint and the config of the run that it belongs to, if that was among the files. */
export interface GivenCheckpoint {
  readonly files: CheckpointFiles;
  /** The parsed `config.json` of a run; undefined for anything else. */
  readonly run: unknown;
}

const weights = /\.(safetensors|pth|pt|bin|ckpt)$/i;

/** Whether weights are among files. */
export function haveWeights(files: readonly GivenFile[]): boolean {
  return files.some(({ path }) => weights.test(path));
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The step of a run's checkpoint by its path; −1 for other files. */
function stepOf(path: string): number {
  return Number(/(?:^|\/)step-(\d+)\/[^/]*$/.exec(path)?.[1] ?? -1);
}

/** The file of weights: a run's latest, a hub's, or the only one. */
function mainOf(files: readonly GivenFile[]): GivenFile {
  const names: readonly string[] = [...HUB_WEIGHTS, "model.pth"];
  const candidates = files.filter(({ path }) => weights.test(path));
  const named = candidates.filter(({ path }) => names.includes(nameOf(path)))
    .sort((a, b) => stepOf(b.path) - stepOf(a.path) || a.path.length - b.path.length);
  const found = named[0] ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (found !== undefined) return found;
  const what = files.length === 1 ? `"${files[0].path}"` : `${files.length} files`;
  const reason = candidates.length === 0
    ? "no weights"
    : `${candidates.length} files of weights, none of them called ${names.join(" or ")}`;
  throw new UserError(
    `Cannot load a model from ${what}: expected a safetensors or .pth file, or the folder of a run, ` +
      `found ${reason}`,
  );
}

/**
 * Opens the model among given files: a file of weights alone, a hub's folder, or a run's, of which the latest
 * checkpoint is taken; hashes are not checked.
 *
 * @throws UserError if there is none, or it cannot be read
 *
 * @example
 * ```ts
 * import { openGivenFiles } from "./given_files.ts";
 * const header = new TextEncoder().encode('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}');
 * const length = new BigUint64Array([BigInt(header.length)]);
 * const content = new Blob([length, header, new Uint8Array([7])]);
 * const { files } = await openGivenFiles([{ path: "one.safetensors", content }]);
 * if ((await files.tensors.get("a")!.read()).data[0] !== 7) throw new Error();
 * ```
 */
export async function openGivenFiles(given: readonly GivenFile[]): Promise<GivenCheckpoint> {
  const main = mainOf(given);
  const folder = folderOf(main.path);
  const objectAt = async (path: string) => {
    const found = given.find((file) => file.path === path);
    return found === undefined ? undefined : jsonOf(await found.content.text(), path);
  };
  const state = await objectAt(folder + MANIFEST_FILE);
  const config = await objectAt(`${folder}config.json`);
  const hub: ModelNotes = config === undefined || state !== undefined
    ? {}
    : hubNotes(`${folder}config.json`, config, await objectAt(folder + PROCESSOR_FILE));
  // RUN/checkpoints/step-N/model.safetensors, or RUN/encoder.safetensors.
  const above = state === undefined ? folder : folder.replace(/[^/]+\/[^/]+\/$/, "");
  const run = await objectAt(`${above}config.json`);
  const file = await tensorFileOf(blobSource(main.content, main.path));
  const files = checkpointFilesOf(main.path, file, {
    hub,
    run: state === undefined ? undefined : shapeInState(state),
  });
  return { files, run: run !== undefined && "config" in run ? run : undefined };
}
