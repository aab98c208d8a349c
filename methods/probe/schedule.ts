/**
 * Length and learning rates of linear probing.
 *
 * @module
 */

import type { LinearProbeConfig } from "./config.ts";
import { everyEpoch } from "../../core/schedules/every_epoch.ts";
import { mmengineCosine } from "../../core/schedules/mmengine_cosine.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import { type RunLength, stepsPerEpochOf } from "../../pipeline/engine/schedule.ts";

/** Steps of a probe on that many images. */
export function probeLength(config: LinearProbeConfig, images: number): RunLength {
  const stepsPerEpoch = stepsPerEpochOf(config, images);
  const scheduleSteps = Math.max(1, Math.round(config.probe.epochs * stepsPerEpoch));
  return { stepsPerEpoch, scheduleSteps, totalSteps: scheduleSteps };
}

/**
 * A cosine to zero. BEiT's recipe lowers the rate after each epoch; one with a warm-up, like MAE's,
 * changes it every step.
 */
export function probeSchedule(
  { probe }: LinearProbeConfig,
  length: RunLength,
): LearningRateSchedule {
  const { lr, epochs, warmupEpochs } = probe;
  const isByEpoch = warmupEpochs === 0;
  const { stepsPerEpoch, scheduleSteps } = length;
  const schedule = mmengineCosine({
    base: lr,
    minimum: 0,
    warmupSteps: Math.round(warmupEpochs * stepsPerEpoch),
    totalSteps: isByEpoch ? Math.max(1, epochs) : scheduleSteps,
    warmupFactor: 0,
  });
  return isByEpoch ? everyEpoch(schedule, stepsPerEpoch) : schedule;
}
