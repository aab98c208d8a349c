/**
 * Which part the run in a directory is of: its config, its images, and what it builds on.
 *
 * @module
 */

import { readJsonFile, writeTextFile } from "../../checkpoints/store/result_store.ts";
import { finishedRun } from "../../checkpoints/store/run_directory.ts";

/** What a part's numbers follow from. */
export interface PartIdentity {
  /** See `partHashes`. */
  readonly hash: string;
  /** The print of its images; absent where version 0.1 wrote it. */
  readonly images?: string;
}

const file = (directory: string) => `${directory}/part.json`;

/** Whether a run directory holds a finished run. */
export function isTrained(directory: string): boolean {
  return finishedRun(directory) !== null;
}

/** Whether what was written of a part is of this one. */
export function isSamePart(written: PartIdentity | null, wanted: PartIdentity): boolean {
  return written?.hash === wanted.hash &&
    (written.images === undefined || written.images === wanted.images);
}

/**
 * Whether a part's directory holds the run of other images or another config.
 *
 * @param result what is written of the part, which tells for a run that version 0.1 trained
 */
export function isOtherPart(
  directory: string,
  wanted: PartIdentity,
  result: PartIdentity | null,
): boolean {
  const written = readJsonFile(file(directory)) as PartIdentity | null ??
    (isTrained(directory) ? result : null);
  return written !== null && !isSamePart(written, wanted);
}

/** Marks a directory as that of a part, before its run begins. */
export function claimDirectory(directory: string, wanted: PartIdentity): void {
  writeTextFile(file(directory), JSON.stringify(wanted, null, 2) + "\n");
}
