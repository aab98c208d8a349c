/**
 * What a fine-tuning run will cost, before it starts: `finetune --dry-run`.
 *
 * @module
 */

import type { FinetuneConfig } from "../../configs/schema.ts";
import { validateBeitConfig } from "../../models/beit_config.ts";
import { learningRateAt } from "../../pipeline/optimize/schedules.ts";
import type { MemoryPlan } from "../../pipeline/plan.ts";
import { openTrainingSource } from "../run/data_sources.ts";
import { classCount, classifierFootprint, startClassifier } from "./model.ts";
import { labelSubset } from "../run/label_subset.ts";
import { requireLabels } from "../run/require_labels.ts";
import { learningRateSchedule, type RunLength, runLength } from "../run/schedule.ts";
import type { RunOptions } from "../run/session.ts";
import { planStep } from "../run/training.ts";
import { type DiskPlan, planDisk } from "../run/plan_disk.ts";

/** The plan of a run. */
export interface FinetunePlan extends RunLength {
  /** Labelled images that are trained on, and classes. */
  readonly images: number;
  readonly classes: number;
  readonly parameters: number;
  readonly batch: number;
  readonly microBatch: number;
  /** Passes over the data until the last step. */
  readonly epochs: number;
  readonly patches: number;
  /** Bytes of a training step, by what holds them. */
  readonly memory: MemoryPlan;
  /** Bytes of the checkpoints and the best model on the disk. */
  readonly disk: DiskPlan;
  readonly schedule: {
    readonly peakLearningRate: number;
    readonly warmupSteps: number;
    readonly lastLearningRate: number;
  };
}

/**
 * Plans a run on its images and its checkpoint; nothing is computed.
 *
 * @throws UserError for what would stop the run itself
 */
export async function planFinetuning(
  config: FinetuneConfig,
  options: Pick<RunOptions, "memoryBudgetBytes" | "downloads"> = {},
): Promise<FinetunePlan> {
  const whole = await openTrainingSource(config.data);
  try {
    requireLabels(whole, config.data.source);
    const source = labelSubset(whole, config.data.labelFraction, config.seed);
    const classes = classCount(config, source.classes.length);
    const { shape } = await startClassifier(config, classes, () => {}, options.downloads);
    validateBeitConfig(shape);
    const footprint = classifierFootprint(shape);
    const step = planStep(config, footprint, { budgetBytes: options.memoryBudgetBytes });
    const length = runLength(config, source.length);
    const schedule = learningRateSchedule(config, length);
    return {
      images: source.length,
      classes,
      ...length,
      epochs: length.totalSteps / length.stepsPerEpoch,
      batch: config.batchSize,
      microBatch: step.microBatch,
      parameters: footprint.parameters,
      patches: footprint.tokens - 1,
      memory: step.memory,
      disk: planDisk(config, footprint.parameters, length, {
        numbers: config.ema === null ? 0 : footprint.parameters,
        models: 1,
      }),
      schedule: {
        peakLearningRate: schedule.base,
        warmupSteps: schedule.warmupSteps,
        lastLearningRate: learningRateAt(schedule, length.totalSteps - 1),
      },
    };
  } finally {
    whole.close?.();
  }
}
