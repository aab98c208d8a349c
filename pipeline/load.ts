/**
 * A place in the order of a run → the files of its images.
 *
 * In a run this stage, `augment` and `mask` work inside the data workers; here they are one by one,
 * with the same draws, for tests, notebooks and stages of the user's.
 *
 * @module
 */

import { microBatchesOf, SampleOrder, StepPlan } from "../data/loader/sampler.ts";
import type { Source } from "../data/sources/source.ts";
import type { FileBatch, StepPlace } from "./batch.ts";
import type { Stage } from "./stage.ts";

/** Which files, in which order. */
export interface LoadOptions {
  readonly source: Source;
  /** Images of a step, over all micro-batches. */
  readonly batch: number;
  readonly microBatch: number;
  /** This process among several (0 if left out) … */
  readonly rank?: number;
  /** … and their number (1 if left out). */
  readonly ranks?: number;
  readonly seed: number;
  /** `false` for the order of the source; `true` if left out. */
  readonly isShuffled?: boolean;
  /** Leave out an epoch's last, smaller batch; `true` if left out. */
  readonly dropsLast?: boolean;
  /** Epochs that draw other views of an image than those before them; null or left out: all. */
  readonly cropsPerImage?: number | null;
}

/** The stage `load`. */
export function load(
  options: LoadOptions,
): Stage<StepPlace, FileBatch> & { readonly name: "load" } {
  const { source, batch, microBatch, rank, ranks, seed } = options;
  const { isShuffled = true, dropsLast = true, cropsPerImage = null } = options;
  const plan = new StepPlan({ length: source.length, batch, dropsLast });
  const order = new SampleOrder({ length: source.length, seed, isShuffled });
  return {
    name: "load",
    async run(place) {
      const { epoch, position, count } = plan.at(place.step);
      const part = microBatchesOf({ count, largest: microBatch, rank, ranks })[place.microBatch];
      const files: FileBatch["files"][number][] = [];
      for (let at = part.first; at < part.first + part.count; at++) {
        const index = order.at(epoch, position + at);
        files.push({ index, ...source.entry(index), bytes: await source.read(index) });
      }
      return { epoch: cropsPerImage === null ? epoch : epoch % cropsPerImage, files };
    },
  };
}
