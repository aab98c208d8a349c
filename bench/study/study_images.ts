/**
 * Which images a study's data sets consist of, so that no result is used for different ones.
 *
 * @module
 */

import type { Source } from "../../data/sources/source.ts";
import { hashValues } from "../../pipeline/engine/resuming/config_hash.ts";
import { dataPrint } from "../../pipeline/engine/resuming/data_print.ts";
import { openEvaluationSource, openTrainingSource } from "../../pipeline/images/data_sources.ts";
import type { StudyPart } from "./parts.ts";

/** The images of a data set. */
export interface StudyImages {
  /** Training images. */
  readonly count: number;
  /** How many there are, and their classes, as included in the parts' hashes. */
  readonly description: string;
  /** Changes with the names, the labels, and the bytes of a sample of the files. */
  readonly print: string;
}

/** Files per split whose bytes are examined. */
const mostFilesRead = 64;

async function printOf(source: Source): Promise<unknown> {
  const { length } = source;
  const files: string[] = [];
  const step = Math.max(1, Math.ceil(length / mostFilesRead));
  for (let index = 0; index < length; index += step) {
    const bytes = new Uint8Array(await source.read(index));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    files.push(Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return [dataPrint(source), files];
}

/**
 * Examines the images of each data set.
 *
 * @param onProgress called with the number of data sets done
 */
export async function studyImages(
  parts: readonly StudyPart[],
  onProgress: (done: number, total: number) => void,
): Promise<Map<string, StudyImages>> {
  const found = new Map<string, StudyImages>();
  const total = new Set(parts.map(({ dataset }) => dataset)).size;
  for (const { dataset, config } of parts) {
    if (found.has(dataset)) continue;
    onProgress(found.size, total);
    const train = await openTrainingSource(config.data);
    const test = await openEvaluationSource(config.data);
    try {
      const { classes } = train;
      found.set(dataset, {
        count: train.length,
        description: JSON.stringify([dataset, train.length, test.length, classes]),
        print: await hashValues([await printOf(train), await printOf(test)]),
      });
    } finally {
      train.close?.();
      test.close?.();
    }
  }
  onProgress(total, total);
  return found;
}
