/**
 * The numbers of a step over all ranks, and what the ranks have to agree on.
 *
 * @module
 */

import type { Communicator } from "../../../distributed/communicator.ts";

/** What is known of a step when all ranks have been heard. */
export interface StepSums {
  /** Loss and metrics, the three numbers of the update, then the stages' `details`. */
  readonly values: Float32Array;
  /** Ranks that were asked to stop. */
  readonly stopping: number;
  /** Warnings that wait on other ranks. */
  readonly warnings: number;
}

/** What a rank adds to the numbers of its step. */
export interface StepNews {
  readonly isStopping: boolean;
  readonly warnings: number;
}

/** Numbers of the update: they are the same on all ranks. */
const updateNumbers = 3;

/**
 * Starts to sum a step's numbers over all ranks: when this is through, more may be said to them, and
 * `sums` may still be under way. Of one process there is nothing to wait for.
 *
 * @param values this rank's share of each metric, the update's numbers, details
 * @param metrics how many numbers stand in front of the update's
 */
export async function sumStep(
  communicator: Communicator,
  values: Promise<Float32Array>,
  metrics: number,
  { isStopping, warnings }: StepNews,
): Promise<{ readonly sums: Promise<StepSums> }> {
  if (communicator.size === 1) {
    return { sums: values.then((values) => ({ values, stopping: 0, warnings: 0 })) };
  }
  const own = await values;
  const all = new Float32Array(own.length + 2);
  all.set(own);
  if (communicator.rank > 0) all.fill(0, metrics, metrics + updateNumbers);
  all.set([isStopping ? 1 : 0, warnings], own.length);
  const sums = communicator.allReduce(all).then(() => {
    const [stopping, warnings] = all.subarray(own.length);
    return { values: all.subarray(0, own.length), stopping, warnings };
  });
  sums.catch(() => {}); // It is awaited a step later.
  return { sums };
}
