/** When something periodic is due in a run. @module */

import type { RunConfig } from "../../../configs/task.ts";
import type { RunLength } from "../schedule.ts";

/** Whether something that happens every few epochs is due after a step. */
export function isDue(everyEpochs: number | null, step: number, length: RunLength): boolean {
  if (everyEpochs === null) return false;
  return step % Math.max(1, Math.round(everyEpochs * length.stepsPerEpoch)) === 0;
}

/** Whether a checkpoint is due after a step. */
export function isCheckpointDue(
  { checkpoint }: Pick<RunConfig, "checkpoint">,
  step: number,
  length: RunLength,
): boolean {
  if (checkpoint.everySteps !== null) return step % checkpoint.everySteps === 0;
  return isDue(checkpoint.everyEpochs, step, length);
}
