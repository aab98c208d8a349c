/**
 * From a config's schedule, in epochs or steps, to a learning rate for each step.
 *
 * @module
 */

import type { RunConfig } from "../../configs/task.ts";
import type { ScheduleConfig } from "../../configs/sections/optimization.ts";
import { schedules } from "../../core/schedules/mod.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import type { LoaderOptions } from "../../data/loader/loader.ts";
import type { TrainingConfig } from "./create_optimizer.ts";
import { type MicroBatch, microBatchesOf } from "../../data/loader/sampler.ts";

/** The part of each step that a process loads. */
export type LoaderShare = Required<
  Pick<LoaderOptions, "microBatch" | "rank" | "ranks" | "coreSharers">
>;

/** A config whose length and learning rate the section `schedule` says. */
export interface ScheduledConfig extends TrainingConfig {
  /** Its length and learning rate. */
  readonly schedule: ScheduleConfig;
}

/** The length of a run in steps. */
export interface RunLength {
  /** Steps in one pass over the data. */
  readonly stepsPerEpoch: number;
  /** Steps in the whole schedule. */
  readonly scheduleSteps: number;
  /** Steps this run goes up to: the schedule's, or fewer with `maxSteps`. */
  readonly totalSteps: number;
}

/** Steps in one pass over that many images; the last, incomplete batch counts unless it is dropped. */
export function stepsPerEpochOf(
  { data, batchSize }: Pick<RunConfig, "data" | "batchSize">,
  images: number,
): number {
  const perEpoch = images / batchSize;
  return Math.max(1, data.dropLast ? Math.floor(perEpoch) : Math.ceil(perEpoch));
}

/** Steps that a config asks for on a data set. */
export function runLength(
  config: ScheduledConfig,
  images: number,
): RunLength {
  const { schedule } = config;
  const stepsPerEpoch = stepsPerEpochOf(config, images);
  const scheduleSteps = schedule.steps ?? Math.round((schedule.epochs ?? 1) * stepsPerEpoch);
  const totalSteps = Math.min(scheduleSteps, schedule.maxSteps ?? scheduleSteps);
  return { stepsPerEpoch, scheduleSteps, totalSteps };
}

/** Steps during which the learning rate rises. */
export function warmupStepsOf(
  { schedule }: ScheduledConfig,
  length: RunLength,
): number {
  return schedule.warmupRatio !== null
    ? Math.round(schedule.warmupRatio * length.scheduleSteps)
    : Math.round((schedule.warmupEpochs ?? 0) * length.stepsPerEpoch);
}

/** The learning-rate schedule of a config. */
export function learningRateSchedule(
  config: ScheduledConfig,
  length: RunLength,
): LearningRateSchedule {
  const { schedule, optimizer } = config;
  return schedules[schedule.variant]({
    base: optimizer.lr,
    minimum: schedule.minLr,
    warmupSteps: warmupStepsOf(config, length),
    totalSteps: length.scheduleSteps,
    warmupFactor: schedule.warmupStartFactor,
  });
}

/**
 * This rank's micro-batches of each step: fewer at the end of an epoch whose last, incomplete batch
 * is kept.
 */
export function microBatchesAt(
  { batchSize }: { readonly batchSize: number },
  length: RunLength,
  images: number,
  { microBatch, rank, ranks }: Omit<LoaderShare, "coreSharers">,
): (step: number) => MicroBatch[] {
  return (step) => {
    const before = (step % length.stepsPerEpoch) * batchSize;
    const count = Math.min(batchSize, images - before);
    return microBatchesOf({ count, largest: microBatch, rank, ranks });
  };
}
