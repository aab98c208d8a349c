/**
 * A step's numbers over all ranks, and what the ranks have to agree on.
 *
 * @module
 */

import type { Communicator } from "../../../distributed/communicator.ts";

/** What is known about a step once all ranks have reported. */
export interface StepSums {
  /** Loss and metrics, the update's three numbers, then the stages' `details`. */
  readonly values: Float32Array;
  /** Ranks that were asked to stop. */
  readonly stopping: number;
  /** Warnings pending on other ranks. */
  readonly warnings: number;
}

/** What a rank contributes to the numbers of its step. */
export interface StepNews {
  readonly isStopping: boolean;
  readonly warnings: number;
}

/** Numbers of the update, which are the same on all ranks. */
const updateNumbers = 3;

/**
 * Starts summing a step's numbers over all ranks. When this resolves, other messages may follow, and `sums` may
 * still be pending. In a single process there is nothing to wait for.
 *
 * @param values this rank's share of each metric, the update's numbers, details
 * @param metrics how many numbers precede the update's
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
