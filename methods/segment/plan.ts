/**
 * What a segmentation run will cost, before it starts: `segment --dry-run`.
 *
 * @module
 */

import type { SegmentConfig } from "./config.ts";
import { validateSegmenterConfig } from "../../models/segmentation/segmenter_config.ts";
import { planRun, type RunCosts, type RunSizes } from "../../pipeline/engine/planning/plan_run.ts";
import { openAnnotatedTraining, segmentClasses } from "./data.ts";
import { segmenterFootprint, startSegmenter } from "./model.ts";
import { segmentLength, segmentSchedule } from "./schedule.ts";
import type { RunOptions } from "../../pipeline/engine/run_options.ts";

/** The plan of a run. */
export interface SegmentPlan extends RunSizes, RunCosts {
  readonly images: number;
  readonly classes: number;
  readonly patches: number;
}

/**
 * Plans a run from its images and its checkpoint; computes nothing.
 *
 * @throws UserError for anything that would stop the run itself
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
    const { sizes, costs } = planRun(config, {
      footprint,
      length: segmentLength(config, source.length),
      schedule: segmentSchedule(config),
      warmupSteps: config.schedule.warmupSteps,
      beside: { models: 1 },
      budgetBytes: options.memoryBudgetBytes,
    });
    return { images: source.length, classes, ...sizes, patches: footprint.tokens - 1, ...costs };
  } finally {
    source.close?.();
  }
}
