/** A schedule that counts in epochs. @module */

import type { LearningRateSchedule } from "./schedule.ts";

/**
 * Turns a schedule over epochs into one over optimizer steps: the rate changes only between epochs.
 *
 * @example
 * ```ts
 * import { everyEpoch } from "./every_epoch.ts";
 * const rate = everyEpoch((epoch) => 1 / (1 + epoch), 2);
 * if ([0, 1, 2, 3].map((step) => rate(step)).join() !== "1,1,0.5,0.5") throw new Error();
 * ```
 */
export function everyEpoch(
  schedule: LearningRateSchedule,
  stepsPerEpoch: number,
): LearningRateSchedule {
  return (step, scale) => schedule(Math.floor(step / stepsPerEpoch), scale);
}
