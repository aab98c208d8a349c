/**
 * Which part a run directory belongs to: its config, its images, and what it builds on.
 *
 * @module
 */

import { readJsonFile, writeTextFile } from "../../checkpoints/store/result_store.ts";
import { finishedRun } from "../../checkpoints/store/run_directory.ts";

/** What determines a part's numbers. */
export interface PartIdentity {
  /** See `partHashes`. */
  readonly hash: string;
  /** The fingerprint of its images; missing if version 0.1 wrote it. */
  readonly images?: string;
}

const file = (directory: string) => `${directory}/part.json`;

/** Whether a run directory holds a finished run. */
export function isTrained(directory: string): boolean {
  return finishedRun(directory) !== null;
}

/** Whether a stored record of a part matches this one. */
export function isSamePart(written: PartIdentity | null, wanted: PartIdentity): boolean {
  return written?.hash === wanted.hash &&
    (written.images === undefined || written.images === wanted.images);
}

/**
 * Whether a part's directory holds a run with other images or another config.
 *
 * @param result the part's stored record, needed for runs trained by version 0.1
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

/** Marks a directory as belonging to a part, before its run starts. */
export function claimDirectory(directory: string, wanted: PartIdentity): void {
  writeTextFile(file(directory), JSON.stringify(wanted, null, 2) + "\n");
}
