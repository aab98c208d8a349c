/**
 * Whether a run fits into memory, checked before any of it is created.
 *
 * @module
 */

import { communicatorOf, type Context } from "../../../backends/backend.ts";
import type { RunConfig } from "../../../configs/task.ts";
import { UserError } from "../../../core/errors.ts";
import { type MemoryPlan, type ModelFootprint, planMemory } from "./plan.ts";

/** The config values that determine the memory of its steps, besides the model. */
type StepConfig = Pick<RunConfig, "batchSize" | "microBatchSize" | "recompute"> & {
  readonly backend: Pick<RunConfig["backend"], "memory">;
};

/** Memory that a run may fill. */
interface Room {
  readonly bytes: number;
  /** What has it, phrased as a message continues: `the machine has`. */
  readonly whose: string;
}

/** The memory limit for a run on a backend: the smallest that is known. */
function roomOn(on: Context, { backend }: StepConfig, limitBytes: number | undefined): Room {
  const { memoryBytes = Infinity, isHostMemory = false } = on.backend.capabilities;
  const own = { bytes: memoryBytes, whose: `the ${on.backend.name} backend can address` };
  const other = isHostMemory
    ? {
      bytes: (limitBytes ?? Infinity) / communicatorOf(on).hostSharers,
      whose: "this machine or its container has",
    }
    : { bytes: (backend.memory ?? Infinity) * 2 ** 30, whose: "backend.memory allows" };
  return own.bytes < other.bytes ? own : other;
}

const gigabytes = (bytes: number) => `${Number((bytes / 1e9).toPrecision(3))} GB`;

function hintFor(
  microBatch: number,
  fits: (images: number, recompute: number) => boolean,
  { blocks }: ModelFootprint,
): string {
  if (microBatch > 1 && fits(1, 0)) return "give --micro-batch auto, or fewer images";
  const most = Math.floor(blocks);
  if (fits(1, most)) return `give --micro-batch 1 --recompute ${most}`;
  return "lower model.embedDim or model.depth, or take more memory";
}

/**
 * Rejects a run whose steps cannot fit, however few images they process at a time.
 *
 * @param footprint of the model, as far as the config determines it
 * @param limitBytes memory of the machine or its container; undefined if unknown
 * @throws UserError naming what is needed and what is available
 */
export function requireRoom(
  config: StepConfig,
  footprint: ModelFootprint,
  on: Context,
  limitBytes: number | undefined,
): void {
  const { batchSize, microBatchSize, recompute } = config;
  const isHalf = on.precision !== "float32" && on.backend.capabilities.halvesActivations === true;
  const own = Math.ceil(batchSize / communicatorOf(on).size);
  const plan = (images: number, recompute: number): MemoryPlan =>
    planMemory(footprint, images, {
      activationBytes: isHalf ? 2 : 4,
      recompute,
      accumulates: images < own,
    });
  const room = roomOn(on, config, limitBytes);
  const microBatch = microBatchSize === "auto" ? 1 : Math.min(microBatchSize, own);
  const { peak, ...parts } = plan(microBatch, recompute);
  if (peak <= room.bytes) return;
  const list = Object.entries(parts).filter(([, bytes]) => bytes > peak / 100)
    .map(([name, bytes]) => `${name} ${gigabytes(bytes)}`).join(", ");
  const fits = (images: number, recompute: number) => plan(images, recompute).peak <= room.bytes;
  throw new UserError(
    `Cannot start this run: steps of ${microBatch} image${microBatch === 1 ? "" : "s"} at a time ` +
      `take ${gigabytes(peak)} (${list}), ${room.whose} ${gigabytes(room.bytes)}`,
    { hint: hintFor(microBatch, fits, footprint) },
  );
}
