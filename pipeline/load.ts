/**
 * A position in the order of a run → the files of its images.
 *
 * In a run, this stage, `augment` and `mask` work inside the data workers; here they run
 * separately, with the same draws, for tests, notebooks and users' stages.
 *
 * @module
 */

import { microBatchesOf, SampleOrder, StepPlan } from "../data/loader/sampler.ts";
import type { Source } from "../data/sources/source.ts";
import type { FileBatch, StepPlace } from "./batch.ts";
import type { HostStage } from "./stage.ts";

/** Which files, in which order. */
export interface LoadOptions {
  /** Where the files are. */
  readonly source: Source;
  /** Images in a step, over all micro-batches. */
  readonly batch: number;
  /** Images in a micro-batch. */
  readonly microBatch: number;
  /** The rank of this process (default: 0) … */
  readonly rank?: number;
  /** … and the number of processes (default: 1). */
  readonly ranks?: number;
  /** Determines the order. */
  readonly seed: number;
  /** `false` for the source's order; default: `true`. */
  readonly isShuffled?: boolean;
  /** Drop an epoch's last, incomplete batch; default: `true`. */
  readonly dropsLast?: boolean;
  /** Number of epochs that draw different views of an image before they repeat; null or omitted: all. */
  readonly cropsPerImage?: number | null;
}

/** The stage `load`. */
export function load(
  options: LoadOptions,
): HostStage<StepPlace, FileBatch> & { readonly name: "load" } {
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
