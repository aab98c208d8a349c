/**
 * What the plans of all trainings have in common: `--dry-run`.
 *
 * @module
 */

import type { LearningRateSchedule } from "../../../core/schedules/schedule.ts";
import type { MemoryPlan, ModelFootprint } from "./plan.ts";
import { type DiskPlan, type KeptBeside, planDisk } from "./plan_disk.ts";
import type { RunLength } from "../schedule.ts";
import type { TrainingConfig } from "../create_optimizer.ts";
import { planStep } from "./micro_batch.ts";

/** How long a run is and how it is divided. */
export interface RunSizes extends RunLength {
  /** Passes over the data until the last step. */
  readonly epochs: number;
  readonly batch: number;
  readonly microBatch: number;
  /** Trainable numbers of the model. */
  readonly parameters: number;
}

/** What a run takes, and how fast it learns. */
export interface RunCosts {
  /** Bytes of a training step, by what holds them. */
  readonly memory: MemoryPlan;
  /** Bytes on the disk of the checkpoints, and of the model files beside them. */
  readonly disk: DiskPlan;
  readonly schedule: {
    readonly peakLearningRate: number;
    readonly warmupSteps: number;
    readonly lastLearningRate: number;
  };
}

/** What a plan follows from. */
export interface PlannedTraining {
  readonly footprint: ModelFootprint;
  readonly length: RunLength;
  readonly schedule: LearningRateSchedule;
  readonly warmupSteps: number;
  /** What checkpoints hold beside weights and moments. */
  readonly beside?: KeptBeside;
  /** Memory that a step may take, bytes; default 8 GiB. */
  readonly budgetBytes: number | undefined;
}

/** Plans a training: two parts, between which a task says what is its own. */
export function planRun(
  config: TrainingConfig,
  { footprint, length, schedule, warmupSteps, beside, budgetBytes }: PlannedTraining,
): { readonly sizes: RunSizes; readonly costs: RunCosts } {
  const { microBatch, memory } = planStep(config, footprint, { budgetBytes });
  return {
    sizes: {
      ...length,
      epochs: length.totalSteps / length.stepsPerEpoch,
      batch: config.batchSize,
      microBatch,
      parameters: footprint.parameters,
    },
    costs: {
      memory,
      disk: planDisk(config, footprint.parameters, length, beside),
      schedule: {
        peakLearningRate: config.optimizer.lr,
        warmupSteps,
        lastLearningRate: schedule(length.totalSteps - 1),
      },
    },
  };
}
