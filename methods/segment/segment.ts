/**
 * Fine-tuning for semantic segmentation: load → augment → segment → loss → optimize, composed.
 *
 * @module
 */

import type { SegmentConfig } from "../../configs/schema.ts";
import type { LoadedBatch } from "../../data/loader.ts";
import type { Source } from "../../data/source.ts";
import { initialiseZero } from "../../models/initialise.ts";
import { Segmenter } from "../../models/segmentation/segmenter.ts";
import type { SegmenterConfig } from "../../models/segmentation/segmenter_config.ts";
import type { LossOutput, StepOutput } from "../../pipeline/batch.ts";
import { optimize } from "../../pipeline/optimize/mod.ts";
import type { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { learningRateAt, type LearningRateSchedule } from "../../pipeline/optimize/schedules.ts";
import { loaderQueue } from "../../pipeline/queue.ts";
import {
  type AnnotatedBatch,
  segment as segmentStage,
  type SegmentedBatch,
} from "../../pipeline/segment.ts";
import { segmentationLoss } from "../../pipeline/segmentation_loss.ts";
import { pipeline, type Stage } from "../../pipeline/stage.ts";
import { openLoader, withSource } from "../../tasks/run/data_sources.ts";
import { inSession } from "../engine/in_session.ts";
import type { LabelQuality } from "../../tasks/evaluation/segmentation.ts";
import { normalizations } from "../../tasks/run/normalizations.ts";
import { labelName, openAnnotatedTraining, segmentClasses, segmentTransform } from "./data.ts";
import { type BestSegmenter, SegmentEvaluation } from "./evaluation.ts";
import { segmenterFootprint, type SegmenterStart, startSegmenter } from "./model.ts";
import { segmentLength, segmentSchedule } from "./schedule.ts";
import type { RunOptions, RunSession, Trained } from "../engine/session.ts";
import { trainInSession } from "../engine/train_in_session.ts";
import { createOptimizer, fitMicroBatch, isCheckpointDue } from "../engine/training.ts";

/** The stages on the device, any of which may be exchanged for another of the same type. */
export interface SegmentStages {
  readonly segment: Stage<AnnotatedBatch, SegmentedBatch>;
  readonly loss: Stage<SegmentedBatch, LossOutput>;
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** How to train; see {@link RunOptions}. */
export interface SegmentOptions extends RunOptions {
  /** Stages of the user's in place of the ones they are named after. */
  readonly stages?: Partial<SegmentStages>;
  /** Images with `annotations` in place of those that `config.data` names. */
  readonly source?: Source;
}

/** What a segmentation run ends with; qualities are in [0, 1]. */
export interface SegmentResult {
  readonly step: number;
  readonly interrupted: boolean;
  readonly directory: string | null;
  /** Loss of the last step; null where no step was run. */
  readonly loss: number | null;
  /** Of the last model: mean intersection over union, pixel accuracy, mean accuracy of the classes. */
  readonly mIoU: number | null;
  readonly aAcc: number | null;
  readonly mAcc: number | null;
  /** Class by class; empty where nothing was evaluated. */
  readonly labels: readonly (LabelQuality & { readonly name: string })[];
  /** The best model of all evaluations, in `best.safetensors` of the directory. */
  readonly best: BestSegmenter | null;
  readonly classes: number;
}

/**
 * Trains a segmenter as a config says, from `config.pretrained` or from scratch.
 *
 * @throws UserError for a mistake in the config, the data, the checkpoint or the run directory
 *
 * @example Two steps on made pictures, kept nowhere
 * ```ts
 * import { resolveConfig } from "../../configs/resolve.ts";
 * import { segment } from "./segment.ts";
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
export async function segment(
  config: SegmentConfig,
  options: SegmentOptions = {},
): Promise<SegmentResult> {
  return await withSource(options.source, () => openAnnotatedTraining(config.data), (source) => {
    return inSession(config, options, (session, options) => {
      return run(config, options, source, session);
    });
  });
}

/** Everything that a run keeps until its end. */
interface Run {
  readonly config: SegmentConfig;
  readonly session: RunSession;
  readonly model: Segmenter;
  readonly optimizer: Optimizer;
  readonly evaluation: SegmentEvaluation;
}

async function run(
  config: SegmentConfig,
  options: SegmentOptions,
  source: Source,
  session: RunSession,
): Promise<SegmentResult> {
  const { on, listener } = session;
  const { shape, initialise } = await startOrResume(config, options, source, session);
  const model = Segmenter.create(on, shape, initialise);
  const optimizer = createOptimizer(on, config, model.parameters, shape.encoder.depth);
  const evaluation = SegmentEvaluation.open(config, session);
  const parts: Run = { config, session, model, optimizer, evaluation };
  const startStep = await restore(parts);

  const footprint = segmenterFootprint(shape);
  const share = fitMicroBatch(config, footprint, session, options);
  const length = segmentLength(config, source.length);
  const { totalSteps } = length;
  const schedule = segmentSchedule(config);
  const queue = loaderQueue(
    await openLoader(config.data, {
      source,
      transform: segmentTransform(config),
      batch: config.batchSize,
      ...share,
      seed: config.seed,
    }, listener),
  );
  try {
    const { step, interrupted, loss } = await trainInSession<LoadedBatch>(session, config, {
      queue,
      stages: deviceStages(parts, schedule, options),
      learningRate: (at) => learningRateAt(schedule, at),
      startStep,
      length,
      images: source.length,
      share,
      wantsPause: (at) => isCheckpointDue(config, at, length) || evaluation.isDue(at),
      pause: async (at) => {
        if (evaluation.isDue(at) || at === totalSteps) await evaluation.evaluate(model, at);
        await session.save(at, trainedOf(parts), at >= length.scheduleSteps);
      },
      signal: options.signal,
      statistics: model.parameters.frozen,
    });
    if (!interrupted && evaluation.last?.step !== step) await evaluation.evaluate(model, step);
    await session.finish();
    listener({ type: "done", step, interrupted });
    return { step, interrupted, loss, ...outcomeOf(parts, step) };
  } finally {
    await queue.close();
    evaluation.close();
    optimizer.dispose();
    model.dispose();
  }
}

function outcomeOf({ config, session, model, evaluation }: Run, step: number) {
  const last = evaluation.last?.step === step ? evaluation.last : null;
  return {
    directory: session.directory,
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
}

/** The start of a new run, or the shape of the one to go on with: its weights are in its checkpoint. */
async function startOrResume(
  config: SegmentConfig,
  { downloads }: SegmentOptions,
  source: Source,
  { savedModel, listener }: RunSession,
): Promise<SegmenterStart> {
  if (savedModel !== null) {
    return { shape: savedModel as SegmenterConfig, initialise: initialiseZero };
  }
  if (config.pretrained === null) {
    listener({ type: "note", message: "No --checkpoint: training from scratch" });
  }
  return await startSegmenter(config, await segmentClasses(config, source), listener, downloads);
}

/** What a checkpoint of the run holds. */
function trainedOf({ model, optimizer, evaluation }: Run): Trained {
  const { parameters, config } = model;
  return { parameters, optimizer, model: config, extra: () => evaluation.export() };
}

/** Loads the checkpoint to go on from; gives the steps done. */
async function restore(parts: Run): Promise<number> {
  const { session, evaluation } = parts;
  const step = await session.restore(trainedOf(parts));
  if (step > 0) evaluation.load(await session.readExtra() ?? new Map());
  return step;
}

/** `segment` → `loss` → `optimize`, with the user's own where given. */
function deviceStages(
  { config, model, optimizer }: Run,
  schedule: LearningRateSchedule,
  { stages = {} }: SegmentOptions,
): Stage<AnnotatedBatch, StepOutput> {
  let all = pipeline(segmentStage(model, normalizations[config.augment.normalization], config))
    .to(segmentationLoss(model.config.auxiliaryWeight))
    .to(optimize(optimizer, schedule, config.distributed));
  if (stages.segment !== undefined) all = all.replace("segment", stages.segment);
  if (stages.loss !== undefined) all = all.replace("loss", stages.loss);
  if (stages.optimize !== undefined) all = all.replace("optimize", stages.optimize);
  return all;
}
