/**
 * What the checkpoints of a run take on the disk.
 *
 * @module
 */

import type { Config } from "../../../configs/schema.ts";
import type { RunLength } from "../schedule.ts";

/** Room on the disk, in bytes. */
export interface DiskPlan {
  readonly checkpoint: number;
  /** Checkpoints that are there at the end, and the model files beside them. */
  readonly kept: number;
  /** The most at once: one more, which is whole before an old one goes. */
  readonly atMost: number;
}

/** What a run keeps beside weights and moments. */
export interface KeptBeside {
  /** Numbers for each parameter in the optimizer; default 2, as AdamW has them. */
  readonly moments?: number;
  /** Further numbers in every checkpoint. */
  readonly numbers?: number;
  /** Copies of the weights in files of their own. */
  readonly models?: number;
}

const bytesPerNumber = 4;

/** Bytes of a checkpoint: the weights, and the optimizer's moments. */
export function checkpointBytes(
  parameters: number,
  { moments = 2, numbers = 0 }: KeptBeside = {},
): number {
  return bytesPerNumber * (parameters * (1 + moments) + numbers);
}

/**
 * Plans what the checkpoints of a run take.
 *
 * @example
 * ```ts
 * import { planDisk } from "./plan_disk.ts";
 * const checkpoint = { everySteps: 10, everyEpochs: null, keepLast: 2, keepEvery: 50 };
 * const length = { stepsPerEpoch: 100, scheduleSteps: 100, totalSteps: 100 };
 * const { kept, atMost } = planDisk({ checkpoint }, 1000, length);
 * // Those of steps 50, 90 and 100, and one while it is written.
 * if (kept !== 3 * 12_000 || atMost !== 4 * 12_000) throw new Error(`${kept}, ${atMost}`);
 * ```
 */
export function planDisk(
  { checkpoint }: Pick<Config, "checkpoint">,
  parameters: number,
  { stepsPerEpoch, totalSteps }: RunLength,
  beside: KeptBeside = {},
): DiskPlan {
  const { everySteps, everyEpochs, keepLast, keepEvery } = checkpoint;
  const everyEpoch = everyEpochs === null ? totalSteps : Math.round(everyEpochs * stepsPerEpoch);
  const every = everySteps ?? Math.max(1, everyEpoch);
  // Those after every so many steps, and the last step's.
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
