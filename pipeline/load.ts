/**
 * A position in the order of a run → the files of its images.
 *
 * @module
 */

import { StoredFileReader } from "../data/loader/sample_file.ts";
import { SamplePlan, type SamplePlanOptions } from "../data/loader/sample_plan.ts";
import type { FileBatch, ImageFile, StepPlace } from "./batch.ts";
import type { HostStage } from "./stage.ts";

/** Which files, in which order. */
export interface LoadOptions extends SamplePlanOptions {
  /** Pass on a file that cannot be read, for `augment` to report or replace; default: `false`, throw. */
  readonly keepsUnreadable?: boolean;
}

/** The stage `load`: the files that the data workers of a run read, in the same order. */
export function load(
  options: LoadOptions,
): HostStage<StepPlace, FileBatch> & { readonly name: "load" } {
  const { source, keepsUnreadable = false } = options;
  const plan = new SamplePlan(options);
  const reader = new StoredFileReader(source.memory);
  let closing: AbortSignal | null = null;
  return {
    name: "load",
    async run({ step, microBatch }, { signal }) {
      if (closing !== signal) signal.addEventListener("abort", () => reader.close());
      closing = signal;
      const planned = plan.batchesOf(step)[microBatch];
      const read = async (slot: number, attempt: number): Promise<ImageFile | null> => {
        const file = await plan.file(planned, slot, attempt);
        if (file === null) return null;
        const { from: _, ...known } = file;
        if (!keepsUnreadable) return { ...known, bytes: await reader.read(file) };
        const found = await reader.attempt(file);
        return found instanceof Uint8Array
          ? { ...known, bytes: found }
          : { ...known, bytes: new Uint8Array(), ...found };
      };
      const files: ImageFile[] = [];
      for (let slot = 0; slot < planned.count; slot++) files.push((await read(slot, 0))!);
      return { epoch: planned.epoch, files, replacement: read };
    },
  };
}
