/**
 * What a fine-tuning run will cost, before it starts: `finetune --dry-run`.
 *
 * @module
 */

import type { FinetuneConfig } from "./config.ts";
import { validateBeitConfig } from "../../models/beit_config.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import { classCount, classifierFootprint, startClassifier } from "./model.ts";
import { labelSubset } from "../../pipeline/images/label_subset.ts";
import { requireLabels } from "../../pipeline/images/require_labels.ts";
import { planRun, type RunCosts, type RunSizes } from "../../pipeline/engine/planning/plan_run.ts";
import { learningRateSchedule, runLength, warmupStepsOf } from "../../pipeline/engine/schedule.ts";
import type { RunOptions } from "../../pipeline/engine/run_options.ts";

/** The plan of a run. */
export interface FinetunePlan extends RunSizes, RunCosts {
  /** Labelled training images, and classes. */
  readonly images: number;
  readonly classes: number;
  readonly patches: number;
}

/**
 * Plans a run from its images and its checkpoint; computes nothing.
 *
 * @throws UserError for anything that would stop the run itself
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
    const length = runLength(config, source.length);
    const { sizes, costs } = planRun(config, {
      footprint,
      length,
      schedule: learningRateSchedule(config, length),
      warmupSteps: warmupStepsOf(config, length),
      beside: { numbers: config.ema === null ? 0 : footprint.parameters, models: 1 },
      budgetBytes: options.memoryBudgetBytes,
    });
    return { images: source.length, classes, ...sizes, patches: footprint.tokens - 1, ...costs };
  } finally {
    whole.close?.();
  }
}
