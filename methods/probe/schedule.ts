/**
 * Length and learning rate of linear probing.
 *
 * @module
 */

import type { LinearProbeConfig } from "../../configs/schema.ts";
import type { LearningRateSchedule } from "../../pipeline/optimize/schedules.ts";
import { type RunLength, stepsPerEpochOf } from "../engine/schedule.ts";

/** Steps of a probe on so many images. */
export function probeLength(config: LinearProbeConfig, images: number): RunLength {
  const stepsPerEpoch = stepsPerEpochOf(config, images);
  const scheduleSteps = Math.max(1, Math.round(config.probe.epochs * stepsPerEpoch));
  return { stepsPerEpoch, scheduleSteps, totalSteps: scheduleSteps };
}

/** A schedule, and where in it an optimizer step stands. */
export interface ProbeSchedule {
  readonly schedule: LearningRateSchedule;
  /** Optimizer step → step of the schedule. */
  readonly at: (step: number) => number;
}

/**
 * A cosine to zero. BEiT's recipe lowers the rate after each epoch; one with a warm-up, as MAE's,
 * changes it with every step.
 */
export function probeSchedule({ probe }: LinearProbeConfig, length: RunLength): ProbeSchedule {
  const { lr, epochs, warmupEpochs } = probe;
  const isByEpoch = warmupEpochs === 0;
  const { stepsPerEpoch, scheduleSteps } = length;
  return {
    schedule: {
      variant: "mmengine",
      base: lr,
      minimum: 0,
      warmupSteps: Math.round(warmupEpochs * stepsPerEpoch),
      totalSteps: isByEpoch ? Math.max(1, epochs) : scheduleSteps,
      warmupFactor: 0,
    },
    at: isByEpoch ? (step) => Math.floor(step / stepsPerEpoch) : (step) => step,
  };
}
