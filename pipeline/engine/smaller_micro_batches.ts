/**
 * Another try with half the images at a time, for a run that chose its own micro-batch and found out that
 * the memory does not suffice. The micro-batch changes no number of the run, so it goes on from its last
 * checkpoint, or begins again.
 *
 * @module
 */

import { OutOfMemoryError } from "../../core/errors.ts";
import { single } from "../../distributed/single.ts";
import type { RunOptions } from "./run_options.ts";

/**
 * Calls `run` until it does not end in an {@link OutOfMemoryError} or its micro-batch was a single image.
 * A backend that the caller brought is not tried again: it may not be usable any more. Nor is a run of
 * several ranks, where the others would wait for the one that begins again.
 */
export async function withSmallerMicroBatches<Options extends RunOptions, Result>(
  config: { readonly microBatchSize: number | "auto" },
  options: Options,
  run: (options: Options) => Promise<Result>,
): Promise<Result> {
  let images = 1;
  const onMicroBatch = (chosen: number) => {
    images = chosen;
    options.onMicroBatch?.(chosen);
  };
  let { mostMicroBatch } = options;
  for (;;) {
    try {
      return await run({ ...options, mostMicroBatch, onMicroBatch });
    } catch (error) {
      const isAlone = (options.communicator ?? single).size === 1;
      const canShrink = config.microBatchSize === "auto" && options.backend === undefined &&
        isAlone;
      if (!(error instanceof OutOfMemoryError) || !canShrink || images === 1) throw error;
      mostMicroBatch = images >> 1;
      const message =
        `${error.message}. Trying again with at most ${mostMicroBatch} images at a time`;
      options.listener?.({ type: "warning", kind: "memory", message });
    }
  }
}
