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
  /** Passes over the data up to the last step. */
  readonly epochs: number;
  /** Images in a step. */
  readonly batch: number;
  /** Images in a forward pass. */
  readonly microBatch: number;
  /** Trainable parameters of the model. */
  readonly parameters: number;
}

/** What a run takes, and its learning rates. */
export interface RunCosts {
  /** Memory of a training step, in bytes, by use. */
  readonly memory: MemoryPlan;
  /** Disk space of the checkpoints and of the model files next to them, in bytes. */
  readonly disk: DiskPlan;
  /** Learning rates: the highest, the length of the warm-up, and that of the last step. */
  readonly schedule: {
    readonly peakLearningRate: number;
    readonly warmupSteps: number;
    readonly lastLearningRate: number;
  };
}

/** What a plan is based on. */
export interface PlannedTraining {
  readonly footprint: ModelFootprint;
  readonly length: RunLength;
  readonly schedule: LearningRateSchedule;
  readonly warmupSteps: number;
  /** What checkpoints hold besides weights and moments. */
  readonly beside?: KeptBeside;
  /** Memory that a step may use, in bytes; default: 8 GiB. */
  readonly budgetBytes: number | undefined;
}

/** Plans a training in two parts, between which a task adds its own information. */
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
