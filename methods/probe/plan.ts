/**
 * What a linear probe will cost, before it starts: `linear-probe --dry-run`.
 *
 * @module
 */

import type { LinearProbeConfig } from "./config.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { encoderSpecs } from "../../models/beit_encoder.ts";
import type { MemoryPlan } from "../../pipeline/engine/planning/plan.ts";
import { openLabelled } from "../../pipeline/images/open_labelled.ts";
import { labelSubset } from "../../pipeline/images/label_subset.ts";
import { probeFootprint, probePlaces, requirePretrained } from "./model.ts";
import { configOfShape, readPretrained } from "../../pipeline/weights/load_encoder.ts";
import { probeLength } from "./schedule.ts";
import type { RunLength } from "../../pipeline/engine/schedule.ts";
import type { RunOptions } from "../../pipeline/engine/run_options.ts";
import { planStep } from "../../pipeline/engine/planning/micro_batch.ts";
import { type DiskPlan, planDisk } from "../../pipeline/engine/planning/plan_disk.ts";
import { probeSpecs } from "../../models/linear_probes.ts";

/** The plan of a probe. */
export interface LinearProbePlan extends RunLength {
  /** Labelled training and test images, and classes. */
  readonly images: number;
  readonly testImages: number;
  readonly classes: number;
  readonly classifiers: number;
  /** Parameters of the frozen encoder. */
  readonly frozenParameters: number;
  readonly batch: number;
  readonly microBatch: number;
  readonly memory: MemoryPlan;
  /** Size of the checkpoints on disk: the classifiers only. */
  readonly disk: DiskPlan;
}

/**
 * Plans a probe from its images and its checkpoint; computes nothing.
 *
 * @throws UserError for anything that would stop the run itself
 */
export async function planLinearProbe(
  config: LinearProbeConfig,
  options: Pick<RunOptions, "memoryBudgetBytes" | "downloads"> = {},
): Promise<LinearProbePlan> {
  const checkpoint = requirePretrained(config);
  const { train, test } = await openLabelled(config.data);
  try {
    const source = labelSubset(train, config.data.labelFraction, config.seed);
    const { shape } = await readPretrained(checkpoint, {
      imageSize: config.augment.size,
      ...(options.downloads === undefined ? {} : { downloads: options.downloads }),
    });
    const encoder = configOfShape(shape);
    const footprint = probeFootprint(encoder);
    const step = planStep(config, footprint, { budgetBytes: options.memoryBudgetBytes });
    const places = probePlaces(config, encoder);
    const classes = source.classes.length;
    const { embedDim } = encoder;
    const { batchNorm, initDeviation, optimizer } = config.probe;
    const length = probeLength(config, source.length);
    const specs = probeSpecs({ places, embedDim, classes, batchNorm, initDeviation });
    return {
      images: source.length,
      testImages: test.length,
      classes,
      classifiers: places.length,
      frozenParameters: countTrainable(encoderSpecs(encoder, { hasMaskToken: false })),
      ...length,
      batch: config.batchSize,
      microBatch: step.microBatch,
      memory: step.memory,
      disk: planDisk(config, countTrainable(specs), length, {
        moments: optimizer === "lars" ? 1 : 2,
      }),
    };
  } finally {
    train.close?.();
    test.close?.();
  }
}
