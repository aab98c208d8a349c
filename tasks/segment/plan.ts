/**
 * What a segmentation run will cost, before it starts: `segment --dry-run`.
 *
 * @module
 */

import type { SegmentConfig } from "../../configs/schema.ts";
import { validateSegmenterConfig } from "../../models/segmentation/segmenter_config.ts";
import { learningRateAt } from "../../pipeline/optimize/schedules.ts";
import type { MemoryPlan } from "../../pipeline/plan.ts";
import type { RunLength } from "../run/schedule.ts";
import { openAnnotatedTraining, segmentClasses } from "./data.ts";
import { segmenterFootprint, startSegmenter } from "./model.ts";
import { segmentLength, segmentSchedule } from "./schedule.ts";
import type { RunOptions } from "../run/session.ts";
import { planStep } from "../run/training.ts";
import { type DiskPlan, planDisk } from "../run/plan_disk.ts";

/** The plan of a run. */
export interface SegmentPlan extends RunLength {
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
export async function planSegmentation(
  config: SegmentConfig,
  options: Pick<RunOptions, "memoryBudgetBytes" | "downloads"> = {},
): Promise<SegmentPlan> {
  const source = openAnnotatedTraining(config.data);
  try {
    const classes = await segmentClasses(config, source);
    const { shape } = await startSegmenter(config, classes, () => {}, options.downloads);
    validateSegmenterConfig(shape);
    const footprint = segmenterFootprint(shape);
    const step = planStep(config, footprint, { budgetBytes: options.memoryBudgetBytes });
    const length = segmentLength(config, source.length);
    const schedule = segmentSchedule(config);
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
      disk: planDisk(config, footprint.parameters, length, { models: 1 }),
      schedule: {
        peakLearningRate: schedule.base,
        warmupSteps: schedule.warmupSteps,
        lastLearningRate: learningRateAt(schedule, length.totalSteps - 1),
      },
    };
  } finally {
    source.close?.();
  }
}
