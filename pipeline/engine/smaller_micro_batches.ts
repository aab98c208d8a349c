/**
 * Retries with half as many images at a time, for a run that chose its own micro-batch and ran out of memory.
 * The micro-batch affects none of the run's numbers, so it continues from its last checkpoint, or starts again.
 *
 * @module
 */

import { OutOfMemoryError } from "../../core/errors.ts";
import { single } from "../../distributed/single.ts";
import type { RunOptions } from "./run_options.ts";

/**
 * Calls `run` until it ends without an {@link OutOfMemoryError} or its micro-batch was a single image. It does
 * not retry on the caller's own backend, which may no longer be usable, nor with several ranks, since the
 * others would wait for the one that restarts.
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
