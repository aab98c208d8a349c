/**
 * Fine-tuning for classification: load → augment → mix → classify → loss → optimize, composed.
 *
 * @module
 */

import type { FinetuneConfig } from "../../configs/schema.ts";
import { createImageDecoder } from "../../data/decode.ts";
import type { Source } from "../../data/source.ts";
import type { BeitConfig } from "../../models/beit_config.ts";
import { Classifier } from "../../models/classifier.ts";
import { initialiseZero } from "../../models/initialise.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import { augment } from "../../pipeline/augment.ts";
import { average, WeightAverage } from "../../pipeline/average.ts";
import type { AugmentedBatch, StepOutput } from "../../pipeline/batch.ts";
import { classificationLoss } from "../../pipeline/classification_loss.ts";
import { classify } from "../../pipeline/classify.ts";
import { load } from "../../pipeline/load.ts";
import { mix } from "../../pipeline/mix.ts";
import { optimize } from "../../pipeline/optimize/mod.ts";
import type { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { learningRateAt, type LearningRateSchedule } from "../../pipeline/optimize/schedules.ts";
import { type BatchQueue, loaderQueue, stageQueue } from "../../pipeline/queue.ts";
import { pipeline, type Stage } from "../../pipeline/stage.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import { openLoader, openTrainingSource, withSource } from "../../tasks/run/data_sources.ts";
import { inSession } from "../engine/in_session.ts";
import { type BestModel, FinetuneEvaluation } from "./evaluation.ts";
import { classCount, classifierFootprint, type ClassifierStart, startClassifier } from "./model.ts";
import { type FinetuneStages, mixOptions } from "./stages.ts";
import { labelSubset } from "../../tasks/run/label_subset.ts";
import { normalizations } from "../../tasks/run/normalizations.ts";
import { requireLabels } from "../../tasks/run/require_labels.ts";
import {
  learningRateSchedule,
  type LoaderShare,
  microBatchesAt,
  runLength,
} from "../engine/schedule.ts";
import { classPictures } from "../../tasks/recording/class_pictures.ts";
import type { RunOptions, RunSession, Trained } from "../engine/session.ts";
import { trainInSession } from "../engine/train_in_session.ts";
import { createOptimizer, fitMicroBatch, isCheckpointDue, isDue } from "../engine/training.ts";
import { evaluationTransform, finetuneTransform } from "../../tasks/run/transforms.ts";

/** How to fine-tune; see {@link RunOptions}. */
export interface FinetuneOptions extends RunOptions {
  /** Stages of the user's in place of the ones they are named after. */
  readonly stages?: Partial<FinetuneStages>;
  /** Labelled images in place of those that `config.data` names. */
  readonly source?: Source;
}

/** What a fine-tuning run ends with. */
export interface FinetuneResult {
  readonly step: number;
  readonly interrupted: boolean;
  readonly directory: string | null;
  /** Loss of the last step; null where no step was run. */
  readonly loss: number | null;
  /** Accuracies of the last model in [0, 1]; null where there was nothing to evaluate on. */
  readonly top1: number | null;
  readonly top5: number | null;
  /** Those of the moving average of the weights. */
  readonly averaged: { readonly top1: number; readonly top5: number } | null;
  /** The best model of all evaluations, in `best.safetensors` of the directory. */
  readonly best: BestModel | null;
  readonly classes: number;
}

/**
 * Fine-tunes a classifier as a config says, from `config.pretrained` or from scratch.
 *
 * @throws UserError for a mistake in the config, the data, the checkpoint or the run directory
 *
 * @example Two steps from scratch on the bundled pictures, kept nowhere
 * ```ts
 * import { resolveConfig } from "../../configs/resolve.ts";
 * import { finetune } from "./finetune.ts";
 * const { config } = await resolveConfig({
 *   task: "finetune",
 *   overrides: [
 *     "schedule.maxSteps=2", "batchSize=2", "backend.name=cpu", "model.embedDim=16",
 *     "model.heads=2", "model.depth=2", "data.workers=0", "data.evaluationSplit=none",
 *   ],
 * });
 * const { step, loss } = await finetune(config);
 * if (step !== 2 || !(loss! > 0)) throw new Error(`${step} steps, loss ${loss}`);
 * ```
 */
export async function finetune(
  config: FinetuneConfig,
  options: FinetuneOptions = {},
): Promise<FinetuneResult> {
  return await withSource(options.source, () => openTrainingSource(config.data), (whole) => {
    requireLabels(whole, config.data.source);
    const source = labelSubset(whole, config.data.labelFraction, config.seed);
    return inSession(config, options, (session, options) => {
      return run(config, options, source, session);
    });
  });
}

/** Everything that a run keeps until its end. */
interface Run {
  readonly config: FinetuneConfig;
  readonly session: RunSession;
  readonly model: Classifier;
  readonly optimizer: Optimizer;
  readonly averages: WeightAverage | null;
  readonly evaluation: FinetuneEvaluation;
  /** Kept in the checkpoints, so that predictions have names. */
  readonly classNames: readonly string[];
}

async function run(
  config: FinetuneConfig,
  options: FinetuneOptions,
  source: Source,
  session: RunSession,
): Promise<FinetuneResult> {
  const { on, listener } = session;
  const classes = classCount(config, source.classes.length);
  const { shape, initialise } = await startOrResume(config, options, classes, session);
  const evaluation = await FinetuneEvaluation.open(config, session, source);
  const model = Classifier.create(on, shape, initialise);
  const optimizer = createOptimizer(on, config, model.parameters, shape.depth);
  const averages = config.ema === null
    ? null
    : WeightAverage.create(on, model.parameters.trainable, config.ema.decay);
  const classNames = source.classes;
  const parts: Run = { config, session, model, optimizer, averages, evaluation, classNames };
  const startStep = await restore(parts);

  const share = fitMicroBatch(
    config,
    classifierFootprint(shape),
    session,
    options,
  );
  const length = runLength(config, source.length);
  const { totalSteps } = length;
  const schedule = learningRateSchedule(config, length);
  const isEvaluationDue = (at: number) => isDue(config.evaluateEveryEpochs, at, length);
  const queue = await openQueue(config, options, source, share, session);
  try {
    session.describeData(source);
    session.setPictures(classPictures({
      on,
      config,
      source,
      split: "training",
      transform: { ...evaluationTransform(config.augment), edge: config.augment.testResize },
      logits: ({ pixels, size, imageSize }) => {
        const normalization = normalizations[config.augment.normalization];
        const images = imageTensor(pixels, size, imageSize, normalization);
        return model.logits(on, images, { dropPath: null });
      },
    }));
    const { step, interrupted, loss } = await trainInSession<AugmentedBatch>(session, config, {
      queue,
      stages: deviceStages(parts, schedule, options),
      learningRate: (at) => learningRateAt(schedule, at),
      startStep,
      length,
      images: source.length,
      share,
      wantsPause: (at) => isCheckpointDue(config, at, length) || isEvaluationDue(at),
      pause: async (at) => {
        if (isEvaluationDue(at) || at === totalSteps) await evaluation.evaluate(parts, at);
        await session.save(at, await trainedOf(parts), at >= length.scheduleSteps);
      },
      saveFailure: async (failure) =>
        await session.saveFailure(failure, await trainedOf(parts), {
          ...options,
          frozenStage: null,
        }),
      signal: options.signal,
    });
    if (!interrupted && evaluation.last?.step !== step) await evaluation.evaluate(parts, step);
    await session.finish();
    listener({ type: "done", step, interrupted });
    const last = evaluation.last?.step === step ? evaluation.last : null;
    return {
      step,
      interrupted,
      directory: session.directory,
      loss,
      top1: last?.top1 ?? null,
      top5: last?.top5 ?? null,
      averaged: last?.averaged ?? null,
      best: evaluation.best,
      classes,
    };
  } finally {
    await queue.close();
    evaluation.close();
    averages?.dispose();
    optimizer.dispose();
    model.dispose();
  }
}

/** The start of a new run, or the shape of the one to go on with: its weights are in its checkpoint. */
async function startOrResume(
  config: FinetuneConfig,
  { downloads }: FinetuneOptions,
  classes: number,
  { savedModel, listener }: RunSession,
): Promise<ClassifierStart> {
  if (savedModel !== null) {
    const { classNames: _, ...shape } = savedModel as BeitConfig & { classNames: string[] };
    return { shape, initialise: initialiseZero };
  }
  if (config.pretrained === null) {
    listener({ type: "note", message: "No --checkpoint: training from scratch" });
  }
  return await startClassifier(config, classes, listener, downloads);
}

/** What a checkpoint of the run holds. */
async function trainedOf(
  { model, optimizer, averages, evaluation, classNames }: Run,
): Promise<Trained> {
  const extra = new Map<string, NamedValues>(evaluation.export());
  for (const [name, value] of await averages?.export() ?? []) extra.set(`average.${name}`, value);
  const { parameters, config } = model;
  return { parameters, optimizer, model: { ...config, classNames }, extra: () => extra };
}

/** Loads the checkpoint to go on from; gives the steps done. */
async function restore({ session, model, optimizer, averages, evaluation }: Run): Promise<number> {
  const { parameters, config } = model;
  const step = await session.restore({ parameters, optimizer, model: config });
  if (step === 0) return step;
  const extra = await session.readExtra() ?? new Map<string, NamedValues>();
  evaluation.load(extra);
  const prefix = "average.";
  averages?.load(
    session.on,
    new Map([...extra].map(([name, value]) => [name.replace(prefix, ""), value])),
  );
  return step;
}

/** `mix` → `classify` → `loss` → `optimize` (→ `average`), with the user's own where given. */
function deviceStages(
  { config, model, optimizer, averages }: Run,
  schedule: LearningRateSchedule,
  { stages = {} }: FinetuneOptions,
): Stage<AugmentedBatch, StepOutput> {
  const mixStage = mix({
    normalization: normalizations[config.augment.normalization],
    classes: model.config.classes!,
    smoothing: config.augment.labelSmoothing,
    mix: mixOptions(config),
  });
  let all = pipeline(mixStage)
    .to(classify(model, config))
    .to(classificationLoss())
    .to(optimize(optimizer, schedule, config.distributed));
  if (stages.mix !== undefined) all = all.replace("mix", stages.mix);
  if (stages.classify !== undefined) all = all.replace("classify", stages.classify);
  if (stages.loss !== undefined) all = all.replace("loss", stages.loss);
  if (stages.optimize !== undefined) all = all.replace("optimize", stages.optimize);
  return averages === null ? all : all.to(average(averages));
}

/** `load` → `augment`: in workers, or here where one of them is the user's own. */
async function openQueue(
  config: FinetuneConfig,
  { stages = {} }: FinetuneOptions,
  source: Source,
  share: LoaderShare,
  { listener }: RunSession,
): Promise<BatchQueue<AugmentedBatch>> {
  const { data, seed, batchSize } = config;
  const transform = finetuneTransform(config);
  if (stages.load === undefined && stages.augment === undefined) {
    const options = { source, transform, batch: batchSize, ...share, seed };
    return loaderQueue(await openLoader(data, options, listener));
  }
  const decoder = await createImageDecoder();
  const order = { isShuffled: data.shuffle, dropsLast: data.dropLast };
  let all = pipeline(load({ source, batch: batchSize, ...share, seed, ...order }))
    .to(augment({ decoder, transform, seed, exif: data.exif, maxPixels: data.maxPixels }));
  if (stages.load !== undefined) all = all.replace("load", stages.load);
  if (stages.augment !== undefined) all = all.replace("augment", stages.augment);
  const length = runLength(config, source.length);
  const microBatches = microBatchesAt(config, length, source.length, share);
  const counts = (step: number) => microBatches(step).length;
  return stageQueue(all, { seed, microBatches: counts, prefetch: data.prefetch });
}
