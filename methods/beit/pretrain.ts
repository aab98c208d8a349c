/**
 * BEiT v2 pretraining: the seven stages, composed.
 *
 * @module
 */

import { resultFile } from "../../checkpoints/run_directory.ts";
import type { PretrainConfig } from "../../configs/schema.ts";
import { Generator } from "../../core/generator.ts";
import { createImageDecoder } from "../../data/decode.ts";
import type { Source } from "../../data/source.ts";
import { validateBeitConfig } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import { augment } from "../../pipeline/augment.ts";
import type {
  AugmentedBatch,
  EncodedBatch,
  FileBatch,
  LossOutput,
  MaskedBatch,
  StepOutput,
  StepPlace,
  TokenizedBatch,
} from "../../pipeline/batch.ts";
import { encode } from "../../pipeline/encode.ts";
import { load } from "../../pipeline/load.ts";
import { loss } from "../../pipeline/loss.ts";
import { mask } from "../../pipeline/mask.ts";
import { optimize } from "../../pipeline/optimize/mod.ts";
import type { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { learningRateAt, type LearningRateSchedule } from "../../pipeline/optimize/schedules.ts";
import { type BatchQueue, loaderQueue, stageQueue } from "../../pipeline/queue.ts";
import { pipeline, type Stage } from "../../pipeline/stage.ts";
import { type PatchTokenizer, tokenize } from "../../pipeline/tokenize.ts";
import { openLoader, openTrainingSource, withSource } from "../../tasks/run/data_sources.ts";
import { inSession } from "../engine/in_session.ts";
import { type EvaluationResults, PretrainEvaluation } from "./evaluation.ts";
import { normalizations } from "../../tasks/run/normalizations.ts";
import { openTokenizer } from "../vqkd/open_tokenizer.ts";
import { beitConfig, pretrainFootprint } from "./plan.ts";
import {
  learningRateSchedule,
  type LoaderShare,
  microBatchesAt,
  runLength,
} from "../engine/schedule.ts";
import { pretrainPictures } from "../../tasks/recording/pretrain_pictures.ts";
import type { RunOptions, RunSession } from "../engine/session.ts";
import { trainInSession } from "../engine/train_in_session.ts";
import { createOptimizer, fitMicroBatch, isCheckpointDue } from "../engine/training.ts";
import { maskOptions, pretrainTransform } from "../../tasks/run/transforms.ts";

/** The stages of pretraining, any of which may be exchanged for another of the same type. */
export interface PretrainStages {
  readonly load: Stage<StepPlace, FileBatch>;
  readonly augment: Stage<FileBatch, AugmentedBatch>;
  readonly mask: Stage<AugmentedBatch, MaskedBatch>;
  readonly tokenize: Stage<MaskedBatch, TokenizedBatch>;
  readonly encode: Stage<TokenizedBatch, EncodedBatch>;
  readonly loss: Stage<EncodedBatch, LossOutput>;
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** How to pretrain; see {@link RunOptions}. */
export interface PretrainOptions extends RunOptions {
  /** Stages of the user's in place of the ones they are named after. */
  readonly stages?: Partial<PretrainStages>;
  /** Images in place of those that `config.data` names. */
  readonly source?: Source;
}

/** What a pretraining run ends with. */
export interface PretrainResult {
  /** Steps done. */
  readonly step: number;
  /** Whether the signal ended it before its last step. */
  readonly interrupted: boolean;
  /** The run's directory, or null. */
  readonly directory: string | null;
  /** Loss of the last step; null where no step was run. */
  readonly loss: number | null;
  /** Accuracies by what was evaluated: `features`, `untrained`, `pixels`. */
  readonly evaluation: EvaluationResults;
}

/**
 * Pretrains a BEiT v2 as a config says.
 *
 * @throws UserError for a mistake in the config, the data, the tokenizer or the run directory
 *
 * @example Two steps of a tiny model on the bundled pictures, kept nowhere
 * ```ts
 * import { resolveConfig } from "../../configs/resolve.ts";
 * import { pretrain } from "./pretrain.ts";
 * const { config } = await resolveConfig({
 *   task: "pretrain",
 *   overrides: [
 *     "schedule.maxSteps=2", "batchSize=2", "backend.name=cpu", "model.embedDim=16",
 *     "model.heads=2", "model.depth=3", "evaluation.knn.atEnd=false",
 *     "evaluation.linear.atEnd=false", "data.workers=0",
 *   ],
 * });
 * const { step, loss } = await pretrain(config);
 * if (step !== 2 || !(loss! > 0)) throw new Error(`${step} steps, loss ${loss}`);
 * ```
 */
export async function pretrain(
  config: PretrainConfig,
  options: PretrainOptions = {},
): Promise<PretrainResult> {
  validateBeitConfig(beitConfig(config));
  return await withSource(options.source, () => openTrainingSource(config.data), (source) => {
    return inSession(config, options, (session, options) => {
      return run(config, options, source, session);
    });
  });
}

async function run(
  config: PretrainConfig,
  options: PretrainOptions,
  source: Source,
  session: RunSession,
): Promise<PretrainResult> {
  const { on, listener } = session;
  const tokenizer = await openTokenizer(config, source, session, options.downloads);
  const generator = Generator.from(config.seed);
  const shape = beitConfig(config);
  const createModel = () =>
    MaskedImageModel.create(on, shape, initialiseBeit(shape, generator.split("model")));
  const model = createModel();
  const optimizer = createOptimizer(on, config, model.parameters, shape.depth);
  const trained = {
    parameters: model.parameters,
    optimizer,
    model: shape,
    ...(tokenizer.extra === null ? {} : { extra: tokenizer.extra }),
  };
  const startStep = await session.restore(trained);

  const footprint = pretrainFootprint(config, tokenizer.parameterCount);
  const share = fitMicroBatch(config, footprint, session, options);
  const length = runLength(config, source.length);
  const schedule = learningRateSchedule(config, length);
  const evaluation = await PretrainEvaluation.open(config, on, listener);
  const queue = await openQueue(config, options, source, share, session);
  try {
    session.describeData(source);
    session.setPictures(
      pretrainPictures({ on, config, source, tokenizer: tokenizer.onlooker, model }),
    );
    const { step, interrupted, loss } = await trainInSession<MaskedBatch>(session, config, {
      queue,
      stages: deviceStages(config, {
        tokenizer: tokenizer.encoder,
        model,
        optimizer,
        schedule,
      }, options),
      learningRate: (at) => learningRateAt(schedule, at),
      startStep,
      length,
      images: source.length,
      share,
      wantsPause: (at) => isCheckpointDue(config, at, length) || evaluation.isDue(at, length),
      pause: async (at) => {
        if (evaluation.isDue(at, length)) await evaluation.evaluate(model, at, length);
        await session.save(at, trained, at >= length.scheduleSteps);
      },
      frozenStage: "tokenize",
      saveFailure: (failure) =>
        session.saveFailure(failure, trained, { ...options, frozenStage: "tokenize" }),
      signal: options.signal,
    });
    const isWhole = step >= length.scheduleSteps;
    if (!isWhole && !interrupted) {
      const message = `Stopped at step ${step} of ${length.scheduleSteps}: no evaluation yet`;
      listener({ type: "note", message });
    }
    const results = isWhole ? await evaluation.finish(model, createModel, step) : {};
    const { directory } = session;
    const result = { step, interrupted, directory, loss, evaluation: results };
    if (isWhole) session.writeText(resultFile, JSON.stringify(result, null, 2) + "\n");
    await session.finish();
    listener({ type: "done", step, interrupted });
    return result;
  } finally {
    await queue.close();
    optimizer.dispose();
    model.dispose();
    tokenizer.dispose();
  }
}

/** What the stages behind the queue work with. */
interface Trainees {
  readonly tokenizer: PatchTokenizer;
  readonly model: MaskedImageModel;
  readonly optimizer: Optimizer;
  readonly schedule: LearningRateSchedule;
}

/** `tokenize` → `encode` → `loss` → `optimize`, with the user's own where given. */
function deviceStages(
  config: PretrainConfig,
  { tokenizer, model, optimizer, schedule }: Trainees,
  { stages = {} }: PretrainOptions,
): Stage<MaskedBatch, StepOutput> {
  const { normalization, tokenizerNormalization } = config.augment;
  let all = pipeline(tokenize(tokenizer, normalizations[tokenizerNormalization]))
    .to(encode(model, normalizations[normalization], config))
    .to(loss(model))
    .to(optimize(optimizer, schedule, config.distributed));
  if (stages.tokenize !== undefined) all = all.replace("tokenize", stages.tokenize);
  if (stages.encode !== undefined) all = all.replace("encode", stages.encode);
  if (stages.loss !== undefined) all = all.replace("loss", stages.loss);
  if (stages.optimize !== undefined) all = all.replace("optimize", stages.optimize);
  return all;
}

/** `load` → `augment` → `mask`: in workers, or here where one of them is the user's own. */
async function openQueue(
  config: PretrainConfig,
  { stages = {} }: PretrainOptions,
  source: Source,
  share: LoaderShare,
  { listener }: RunSession,
): Promise<BatchQueue<MaskedBatch>> {
  const { data, seed, batchSize } = config;
  const transform = pretrainTransform(config.augment);
  const masks = maskOptions(config);
  const isOwn = stages.load !== undefined || stages.augment !== undefined ||
    stages.mask !== undefined;
  if (!isOwn) {
    const options = { source, transform, mask: masks, batch: batchSize, ...share, seed };
    return loaderQueue(await openLoader(data, options, listener));
  }
  const decoder = await createImageDecoder();
  const order = { isShuffled: data.shuffle, dropsLast: data.dropLast };
  let all = pipeline(load({ source, batch: batchSize, ...share, seed, ...order }))
    .to(augment({ decoder, transform, seed, exif: data.exif, maxPixels: data.maxPixels }))
    .to(mask(masks, seed));
  if (stages.load !== undefined) all = all.replace("load", stages.load);
  if (stages.augment !== undefined) all = all.replace("augment", stages.augment);
  if (stages.mask !== undefined) all = all.replace("mask", stages.mask);
  const length = runLength(config, source.length);
  const microBatches = microBatchesAt(config, length, source.length, share);
  const counts = (step: number) => microBatches(step).length;
  return stageQueue(all, { seed, microBatches: counts, prefetch: data.prefetch });
}
