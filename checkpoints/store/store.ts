/**
 * A run's checkpoints: written completely or not at all.
 *
 * `RUN/checkpoints/step-N/` holds one safetensors file for each group of tensors and `state.json`, which lists
 * them with their SHA-256. It is written as `.step-N.tmp`, flushed and renamed, so that the previous checkpoint
 * stays intact whatever happens in between.
 *
 * @module
 */

import { basename, join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import { writeError } from "./disk_space.ts";
import {
  encodeManifest,
  flawOf,
  type JsonValue,
  MANIFEST_FILE,
  readManifest,
} from "./checkpoint_manifest.ts";
import { FileSink } from "../tensors/file_sink.ts";
import { openSafetensors } from "../safetensors/safetensors.ts";
import { type NamedTensors, writeSafetensors } from "../safetensors/safetensors_writer.ts";
import type { TensorFile } from "../tensors/tensor_data.ts";

export type { JsonValue } from "./checkpoint_manifest.ts";

/** The contents of a checkpoint. */
export interface CheckpointContent {
  /** Tensors by group, such as `model` and `optimizer`; each group becomes one file. */
  tensors: Record<string, NamedTensors>;
  /** Everything else: step counters, generator states, loss scale, config. */
  state: JsonValue;
}

/** Which checkpoints are kept when a new one has been written. */
export interface Retention {
  /** How many of the newest are kept; default: all. */
  keepLast?: number;
  /** Steps at multiples of this are kept for good. */
  keepEvery?: number;
  /** Their folder in the run directory; default: `checkpoints`. */
  folder?: string;
}

/** A checkpoint in a run directory. */
export interface Checkpoint {
  /** The checkpoint's own directory. */
  readonly directory: string;
  /** Steps done when it was saved. */
  readonly step: number;
}

/** A checkpoint that was just written. */
export interface SavedCheckpoint extends Checkpoint {
  /** Why something old could not be removed, which takes space but does no harm; null if everything was. */
  readonly leftOver: string | null;
}

/** A checkpoint that has been verified and opened. */
export interface LoadedCheckpoint extends Checkpoint {
  /** The state saved with it, as {@link saveCheckpoint} was given it. */
  readonly state: JsonValue;
  /** The names of its tensor groups. */
  readonly groups: string[];
  /** Opens the safetensors file of a group; close it after use. */
  open(group: string): Promise<TensorFile>;
}

const FOLDER = "checkpoints";
// `.step-N.old` is the previous checkpoint of the same step while a new one takes its place.
const WHOLE_NAME = /^(?:step-(\d+)|\.step-(\d+)\.old)$/;
const LEFTOVER_NAME = /^\.step-\d+\.(tmp|gone)$/;

/** Makes a rename durable; systems that cannot flush a directory do so themselves. */
function flushDirectory(path: string): void {
  try {
    const directory = Deno.openSync(path);
    try {
      directory.syncSync();
    } finally {
      directory.close();
    }
  } catch {
    // Windows does not open directories.
  }
}

/** All checkpoints by name, newest first, complete or not. */
function candidates(folder: string): Checkpoint[] {
  const found: Checkpoint[] = [];
  try {
    for (const entry of Deno.readDirSync(folder)) {
      const match = WHOLE_NAME.exec(entry.name);
      if (!match || !entry.isDirectory) continue;
      found.push({ directory: join(folder, entry.name), step: Number(match[1] ?? match[2]) });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const isSpare = ({ directory }: Checkpoint) => Number(basename(directory).startsWith("."));
  return found.sort((a, b) => b.step - a.step || isSpare(a) - isSpare(b));
}

/** Removes a directory in such a way that no half of it can be mistaken for a checkpoint. */
function removeCheckpoint(folder: string, { directory, step }: Checkpoint): void {
  const gone = join(folder, `.step-${step}.gone`);
  removeIfThere(gone);
  Deno.renameSync(directory, gone);
  removeIfThere(gone);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Does something that only frees space; returns what went wrong, which must not end a run whose save succeeded.
 */
function attempt(tidy: () => void): string | null {
  try {
    tidy();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

async function writeAside(aside: string, step: number, content: CheckpointContent): Promise<void> {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const [group, tensors] of Object.entries(content.tensors)) {
    if (!/^[A-Za-z0-9_-]+$/.test(group)) {
      throw new UserError(`Cannot save the tensor group "${group}": it is not a file name`);
    }
    const name = `${group}.safetensors`;
    files[name] = await writeSafetensors(join(aside, name), tensors, { format: "pt" });
  }
  const manifest = new FileSink(join(aside, MANIFEST_FILE));
  manifest.write(new TextEncoder().encode(encodeManifest({ step, state: content.state, files })));
  manifest.finish();
  flushDirectory(aside);
}

/**
 * Saves a checkpoint and then removes those that {@link Retention} does not keep. Lazy tensors are read and
 * written one by one. Disk errors are `UserError`s and leave the earlier checkpoints unchanged; anything that
 * could not be removed after a successful save is reported in `leftOver`. The caller must hold the run's
 * `RunLock`.
 *
 * @example
 * ```ts
 * import { latestCheckpoint, loadCheckpoint, saveCheckpoint } from "./store.ts";
 * const run = await Deno.makeTempDir();
 * const bias = { dtype: "F32", shape: [2], data: new Float32Array([1, 2]) } as const;
 * await saveCheckpoint(run, 10, { tensors: { model: [["bias", bias]] }, state: { epoch: 1 } });
 * const { checkpoint } = latestCheckpoint(run);
 * const loaded = loadCheckpoint(checkpoint!.directory);
 * const model = await loaded.open("model");
 * if ((await model.read("bias")).data[1] !== 2 || loaded.step !== 10) throw new Error();
 * model.close();
 * await Deno.remove(run, { recursive: true });
 * ```
 */
export async function saveCheckpoint(
  runDirectory: string,
  step: number,
  content: CheckpointContent,
  retention: Retention = {},
): Promise<SavedCheckpoint> {
  const folder = join(runDirectory, retention.folder ?? FOLDER);
  const target = join(folder, `step-${step}`);
  const aside = join(folder, `.step-${step}.tmp`);
  const spare = join(folder, `.step-${step}.old`);
  try {
    Deno.mkdirSync(folder, { recursive: true });
    for (const entry of [...Deno.readDirSync(folder)]) {
      if (LEFTOVER_NAME.test(entry.name)) attempt(() => removeIfThere(join(folder, entry.name)));
    }
    Deno.mkdirSync(aside);
    await writeAside(aside, step, content);
    moveAway(target, spare);
    Deno.renameSync(aside, target);
    flushDirectory(folder);
  } catch (error) {
    attempt(() => removeIfThere(aside)); // A full disk gets its space back.
    if (error instanceof UserError) throw error;
    throw writeError(`save the checkpoint "${target}"`, error);
  }
  const flaws = [
    attempt(() => removeIfThere(spare)),
    attempt(() => prune(folder, step, retention)),
  ].filter((flaw) => flaw !== null);
  return { directory: target, step, leftOver: flaws[0] ?? null };
}

/** Moves an earlier checkpoint of the same step out of the way, where it can still be found. */
function moveAway(target: string, spare: string): void {
  try {
    Deno.lstatSync(target);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  removeIfThere(spare);
  Deno.renameSync(target, spare);
}

/**
 * Removes checkpoints older than `justSaved`, each independently: one that cannot be removed does not keep the
 * others. Newer ones, from a future that this run left by resuming earlier, are for the user to judge.
 */
function prune(folder: string, justSaved: number, { keepLast, keepEvery }: Retention): void {
  if (keepLast === undefined) return;
  let kept = 1; // The one just saved, which is whole.
  let flaw: unknown = null;
  for (const checkpoint of candidates(folder)) {
    if (checkpoint.step >= justSaved) continue;
    const isMilestone = keepEvery !== undefined && checkpoint.step % keepEvery === 0;
    const isWhole = flawOf(checkpoint.directory, { hashes: false }) === undefined;
    if (isWhole && (isMilestone || kept < keepLast)) {
      if (!isMilestone) kept++;
      continue;
    }
    try {
      removeCheckpoint(folder, checkpoint);
    } catch (error) {
      flaw ??= error;
    }
  }
  if (flaw !== null) throw flaw;
}

/**
 * The latest complete checkpoint of a run, for which every hash matches. Broken ones are skipped
 * and listed with what is wrong with them.
 */
export function latestCheckpoint(
  runDirectory: string,
): { checkpoint: Checkpoint | undefined; broken: { directory: string; reason: string }[] } {
  const broken: { directory: string; reason: string }[] = [];
  for (const checkpoint of candidates(join(runDirectory, FOLDER))) {
    const reason = flawOf(checkpoint.directory, { hashes: true });
    if (reason === undefined) return { checkpoint, broken };
    broken.push({ directory: checkpoint.directory, reason });
  }
  return { checkpoint: undefined, broken };
}

/** All complete checkpoints of a run, judging by manifest and sizes, oldest first; hashes are not checked. */
export function listCheckpoints(runDirectory: string): Checkpoint[] {
  return candidates(join(runDirectory, FOLDER))
    .filter(({ directory }) => flawOf(directory, { hashes: false }) === undefined)
    .reverse();
}

/** Loads a checkpoint by its directory; a `UserError` if it is not complete. */
export function loadCheckpoint(directory: string): LoadedCheckpoint {
  const flaw = flawOf(directory, { hashes: true });
  if (flaw !== undefined) {
    throw new UserError(`Cannot load the checkpoint "${directory}": ${flaw}`, {
      hint: "resume from the run directory to use the last complete one",
    });
  }
  const { step, state, files } = readManifest(directory);
  const groups = Object.keys(files).map((name) => name.replace(/\.safetensors$/, ""));
  return {
    directory,
    step,
    state,
    groups,
    open(group) {
      if (!groups.includes(group)) {
        throw new UserError(
          `Cannot load "${group}" of "${directory}": it has ${groups.join(", ")}`,
        );
      }
      return openSafetensors(join(directory, `${group}.safetensors`));
    },
  };
}
