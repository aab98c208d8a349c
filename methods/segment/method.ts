/**
 * Fine-tuning for semantic segmentation: load → augment → segment → loss → optimize, composed.
 *
 * @module
 */

import { type SegmentConfig, segmentTask } from "./config.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import { initialiseZero } from "../../models/initialise.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
import { Segmenter } from "../../models/segmentation/segmenter.ts";
import type { SegmenterConfig } from "../../models/segmentation/segmenter_config.ts";
import type { LossOutput, StepOutput } from "../../pipeline/batch.ts";
import {
  type AnnotatedBatch,
  segment as segmentStage,
  type SegmentedBatch,
} from "./stages/segment.ts";
import { segmentationLoss } from "./stages/loss.ts";
import { pipeline, type Stage } from "../../pipeline/stage.ts";
import type { LabelQuality } from "../../pipeline/evaluation/segmentation.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { createOptimizer } from "../../pipeline/engine/create_optimizer.ts";
import { openImages } from "../../pipeline/engine/open_images.ts";
import { type EngineOutcome, runMethod } from "../../pipeline/engine/run_method.ts";
import type { MethodOptions } from "../../pipeline/engine/run_options.ts";
import type { ListedMethod, Run } from "../../pipeline/engine/method.ts";
import { labelName, openAnnotatedTraining, segmentClasses, segmentTransform } from "./data.ts";
import { type BestSegmenter, SegmentEvaluation } from "./evaluation.ts";
import { segmenterFootprint, type SegmenterStart, startSegmenter } from "./model.ts";
import { segmentationTables } from "./result_table.ts";
import { planSegmentation } from "./plan.ts";
import { segmentLength, segmentSchedule } from "./schedule.ts";

/** The stages on the device; each can be replaced by another of the same type. */
export interface SegmentStages {
  /** Computes the logits of every patch, from images and their label maps. */
  readonly segment: Stage<AnnotatedBatch, SegmentedBatch>;
  /** Cross-entropy of every pixel, that of the auxiliary head included. */
  readonly loss: Stage<SegmentedBatch, LossOutput>;
  /** Takes gradients, and updates after the last micro-batch. */
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** What a user's stages may be built from. */
export interface SegmentParts {
  /** The segmentation model being trained. */
  readonly model: Segmenter;
}

/** How to train; see {@link MethodOptions}. A source needs `annotations`. */
export type SegmentOptions = MethodOptions<SegmentStages, SegmentParts>;

/** The result of a segmentation run; qualities are in [0, 1]. */
export interface SegmentResult extends EngineOutcome {
  /** Of the final model: mean intersection over union, pixel accuracy, mean class accuracy. */
  readonly mIoU: number | null;
  /** Share of all pixels that are right, in [0, 1]; null like `mIoU`. */
  readonly aAcc: number | null;
  /** The same for each class, averaged; null like `mIoU`. */
  readonly mAcc: number | null;
  /** By class; empty if nothing was evaluated. */
  readonly labels: readonly (LabelQuality & { readonly name: string })[];
  /** The best model of all evaluations, in `best.safetensors` in the run's directory. */
  readonly best: BestSegmenter | null;
  /** Number of classes. */
  readonly classes: number;
}

/** The stages on the device. */
function deviceStages(config: SegmentConfig, model: Segmenter) {
  return pipeline(segmentStage(model, normalizations[config.augment.normalization], config))
    .to(segmentationLoss(model.config.auxiliaryWeight));
}

/**
 * The initial values of a new run, or the shape of one being resumed, whose weights are in its checkpoint.
 */
async function startOrResume(
  { config, images: { source }, saved, listener, downloads }: Run<SegmentConfig>,
): Promise<SegmenterStart> {
  if (saved !== null) {
    return { shape: saved.shape as SegmenterConfig, initialise: initialiseZero };
  }
  if (config.pretrained === null) {
    listener({ type: "note", message: "No --checkpoint: training from scratch" });
  }
  return await startSegmenter(config, await segmentClasses(config, source), listener, downloads);
}

/** Segmentation, as the engine runs it. */
export const segmenter: ListedMethod<
  SegmentConfig,
  LoadedBatch,
  SegmentParts,
  Omit<SegmentResult, keyof EngineOutcome>
> = {
  task: segmentTask,
  // Views and label maps are made together, so only by the workers.
  inputStages: [],
  plan: planSegmentation,
  sizes: ({ model }) => model,
  describe: (result) => ({ table: segmentationTables(result) }),
  openImages: ({ data }, given) => openImages(given, () => openAnnotatedTraining(data)),

  async open(run) {
    const { config, on, images: { source } } = run;
    const { shape, initialise } = await startOrResume(run);
    const footprint = segmenterFootprint(shape);
    run.requireRoom(footprint);
    const model = Segmenter.create(on, shape, initialise);
    const evaluation = SegmentEvaluation.open(run, model);
    const { pictures } = evaluation;
    return {
      shape: model.config,
      parameters: model.parameters,
      parts: { model },
      footprint,
      schedule: {
        length: segmentLength(config, source.length),
        learningRate: segmentSchedule(config),
      },
      input: { transform: segmentTransform(config) },
      stages: deviceStages(config, model),
      frozenStage: null,
      createOptimizer: (trainable) => createOptimizer(on, config, trainable, shape.encoder.depth),
      statistics: model.parameters.frozen,
      kept: [evaluation],
      evaluation,
      ...(pictures === undefined ? {} : { pictures }),
      result({ step }) {
        const last = evaluation.last?.step === step ? evaluation.last : null;
        return {
          mIoU: last?.mIoU ?? null,
          aAcc: last?.aAcc ?? null,
          mAcc: last?.mAcc ?? null,
          labels: (last?.labels ?? []).map((quality) => ({
            name: labelName(config, quality.label),
            ...quality,
          })),
          best: evaluation.best,
          classes: model.config.classes,
        };
      },
      dispose() {
        evaluation.close();
        model.dispose();
      },
    };
  },

  reopen(on, { config, shape, parameters }) {
    const model = Segmenter.create(on, shape as SegmenterConfig, initialiseFrom(parameters, null));
    return {
      shape,
      parameters: model.parameters,
      parts: { model },
      stages: deviceStages(config, model),
      dispose: () => model.dispose(),
    };
  },
};

/**
 * Trains a segmentation model according to a config, from `config.pretrained` or from scratch.
 *
 * @throws UserError for a mistake in the config, the data, the checkpoint or the run directory
 *
 * @example Two steps on generated images, saving nothing
 * ```ts
 * import { resolveConfig } from "../configs.ts";
 * import { segment } from "./method.ts";
 * const { config } = await resolveConfig({
 *   task: "segment",
 *   overrides: [
 *     "schedule.maxSteps=2", "batchSize=2", "backend.name=cpu", "model.embedDim=16", "model.heads=2",
 *     "segmentation.channels=8", "segmentation.auxiliaryChannels=8", "data.workers=0",
 *     "data.evaluationSource=nowhere",
 *   ],
 * });
 * const { step, loss } = await segment(config);
 * if (step !== 2 || !(loss! > 0)) throw new Error(`${step} steps, loss ${loss}`);
 * ```
 */
export function segment(
  config: SegmentConfig,
  options: SegmentOptions = {},
): Promise<SegmentResult> {
  return runMethod(segmenter, config, options);
}
