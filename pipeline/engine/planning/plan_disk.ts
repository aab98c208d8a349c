/**
 * How much disk space a run's checkpoints take.
 *
 * @module
 */

import type { RunConfig } from "../../../configs/task.ts";
import type { RunLength } from "../schedule.ts";

/** Disk space, in bytes. */
export interface DiskPlan {
  /** One checkpoint. */
  readonly checkpoint: number;
  /** Checkpoints kept at the end, and the model files next to them. */
  readonly kept: number;
  /** The peak: one more, which is completed before an old one is deleted. */
  readonly atMost: number;
}

/** What a run stores besides weights and moments. */
export interface KeptBeside {
  /** Optimizer values per parameter; default: 2, as for AdamW. */
  readonly moments?: number;
  /** Other values in every checkpoint. */
  readonly numbers?: number;
  /** Copies of the weights in separate files. */
  readonly models?: number;
}

const bytesPerNumber = 4;

/** Bytes in a checkpoint: the weights and the optimizer's moments. */
export function checkpointBytes(
  parameters: number,
  { moments = 2, numbers = 0 }: KeptBeside = {},
): number {
  return bytesPerNumber * (parameters * (1 + moments) + numbers);
}

/**
 * Plans the disk space of a run's checkpoints.
 *
 * @example
 * ```ts
 * import { planDisk } from "./plan_disk.ts";
 * const checkpoint = { everySteps: 10, everyEpochs: null, keepLast: 2, keepEvery: 50 };
 * const length = { stepsPerEpoch: 100, scheduleSteps: 100, totalSteps: 100 };
 * const { kept, atMost } = planDisk({ checkpoint }, 1000, length);
 * // Steps 50, 90 and 100, and one being written.
 * if (kept !== 3 * 12_000 || atMost !== 4 * 12_000) throw new Error(`${kept}, ${atMost}`);
 * ```
 */
export function planDisk(
  { checkpoint }: Pick<RunConfig, "checkpoint">,
  parameters: number,
  { stepsPerEpoch, totalSteps }: RunLength,
  beside: KeptBeside = {},
): DiskPlan {
  const { everySteps, everyEpochs, keepLast, keepEvery } = checkpoint;
  const everyEpoch = everyEpochs === null ? totalSteps : Math.round(everyEpochs * stepsPerEpoch);
  const every = everySteps ?? Math.max(1, everyEpoch);
  // Those at regular intervals, and the last step's.
  const saved = Math.ceil(totalSteps / every);
  const old = Math.max(0, saved - keepLast) * every;
  const forEver = keepEvery === null ? 0 : Math.floor(old / leastCommonMultiple(every, keepEvery));
  const bytes = checkpointBytes(parameters, beside);
  const models = (beside.models ?? 0) * bytesPerNumber * parameters;
  const kept = (Math.min(saved, keepLast) + forEver) * bytes + models;
  return { checkpoint: bytes, kept, atMost: kept + (saved > keepLast ? bytes : 0) };
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return a / x * b;
}
