/**
 * Length and learning rates of a segmentation run, which counts in steps.
 *
 * @module
 */

import type { SegmentConfig } from "./config.ts";
import { poly } from "../../core/schedules/poly.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import { type RunLength, stepsPerEpochOf } from "../../pipeline/engine/schedule.ts";

/** Steps that a config asks for on that many images. */
export function segmentLength(config: SegmentConfig, images: number): RunLength {
  const { schedule } = config;
  const stepsPerEpoch = stepsPerEpochOf(config, images);
  const scheduleSteps = schedule.steps;
  const totalSteps = Math.min(scheduleSteps, schedule.maxSteps ?? scheduleSteps);
  return { stepsPerEpoch, scheduleSteps, totalSteps };
}

/** Linear warm-up combined with polynomial decay, as mmcv computes them. */
export function segmentSchedule({ schedule, optimizer }: SegmentConfig): LearningRateSchedule {
  return poly({
    base: optimizer.lr,
    minimum: schedule.minLr,
    warmupSteps: schedule.warmupSteps,
    totalSteps: schedule.steps,
    warmupFactor: schedule.warmupStartFactor,
    power: schedule.power,
  });
}
