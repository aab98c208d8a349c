/**
 * Training of the visual tokenizer, VQ-KD: load → augment → teach → encode → quantize → optimize.
 *
 * @module
 */

import type { TokenizerConfig } from "../../configs/schema.ts";
import { Generator } from "../../core/generator.ts";
import type { LoadedBatch } from "../../data/loader.ts";
import type { Source } from "../../data/source.ts";
import { initialisePlain } from "../../models/initialise.ts";
import { parameterSizes } from "../../models/parameter_set.ts";
import { type VqkdConfig, vqkdSpecs } from "../../models/vqkd_config.ts";
import { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { CodebookUsage } from "../../pipeline/codebook_usage.ts";
import { optimize } from "../../pipeline/optimize/mod.ts";
import { learningRateAt } from "../../pipeline/optimize/schedules.ts";
import type { ModelFootprint } from "../../pipeline/plan.ts";
import { encodeAndDecode, quantize } from "../../pipeline/quantize.ts";
import { loaderQueue } from "../../pipeline/queue.ts";
import { pipeline } from "../../pipeline/stage.ts";
import type { RunListener } from "../../pipeline/events.ts";
import { teach } from "../../pipeline/teach.ts";
import { createTeacher } from "./create_teacher.ts";
import { startCodebook } from "./start_codebook.ts";
import { openTeacherCache } from "./open_teacher_cache.ts";
import { openLoader, openTrainingSource, withSource } from "../../tasks/run/data_sources.ts";
import { inSession } from "../engine/in_session.ts";
import { exportTokenizer, tokenizerFile } from "./export_tokenizer.ts";
import { normalizations } from "../../tasks/run/normalizations.ts";
import { learningRateSchedule, microBatchesAt, runLength } from "../engine/schedule.ts";
import { codePictures } from "../../tasks/recording/code_pictures.ts";
import type { RunOptions, RunSession } from "../engine/session.ts";
import { trainInSession } from "../engine/train_in_session.ts";
import { createOptimizer, fitMicroBatch, isCheckpointDue } from "../engine/training.ts";
import { trainTransform } from "../../tasks/run/transforms.ts";

/** How to train a tokenizer; see {@link RunOptions}. */
export interface TokenizerOptions extends RunOptions {
  /** Images in place of those that `config.data` names. */
  readonly source?: Source;
}

/** What tokenizer training ends with. */
export interface TokenizerResult {
  readonly step: number;
  readonly interrupted: boolean;
  readonly directory: string | null;
  /** Of the last step: loss, cosine to the teacher, and the codebook's figures. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The sections of a config that make the tokenizer's shape. */
export function vqkdConfig(config: TokenizerConfig, teacherDim: number): VqkdConfig {
  const { model, decoder, codebook } = config;
  return {
    imageSize: model.imageSize,
    patchSize: model.patchSize,
    embedDim: model.embedDim,
    depth: model.depth,
    heads: model.heads,
    mlpRatio: model.mlpRatio,
    decoderDepth: decoder.depth,
    codes: codebook.codes,
    codeDim: codebook.codeDim,
    teacherDim,
    decay: codebook.decay,
    quantizationWeight: codebook.quantizationWeight,
  };
}

/** What a training step of a tokenizer holds in memory. */
export function tokenizerFootprint(config: VqkdConfig): ModelFootprint {
  return {
    ...parameterSizes(vqkdSpecs(config)),
    frozenParameters: 0,
    tokens: (config.imageSize / config.patchSize) ** 2 + 1,
    embedDim: config.embedDim,
    mlpRatio: config.mlpRatio,
    blocks: config.depth + config.decoderDepth,
  };
}

/**
 * Trains a VQ-KD tokenizer as a config says.
 *
 * @throws UserError for a mistake in the config, the data, the teacher or the run directory
 */
export async function trainTokenizer(
  config: TokenizerConfig,
  options: TokenizerOptions = {},
): Promise<TokenizerResult> {
  return await withSource(options.source, () => openTrainingSource(config.data), (source) => {
    return inSession(config, options, (session, options) => {
      return run(config, options, source, session);
    });
  });
}

async function run(
  config: TokenizerConfig,
  options: TokenizerOptions,
  source: Source,
  session: RunSession,
): Promise<TokenizerResult> {
  const { on, listener } = session;
  const generator = Generator.from(config.seed);
  const kept = await session.readExtra();
  const teacher = await createTeacher(on, config, source, kept, listener, options.downloads);
  const shape = vqkdConfig(config, teacher.targetDim);
  const patchInputs = {
    "": 0,
    "encoder.": 3 * shape.patchSize ** 2,
    "decoder.": shape.codeDim,
  };
  const initialise = initialisePlain(generator.split("model"), patchInputs, {
    xavier: config.model.initVariant === "xavier",
  });
  const tokenizer = VqkdTokenizer.create(on, shape, initialise);
  const optimizer = createOptimizer(on, config, tokenizer.parameters, shape.depth);
  const usage = new CodebookUsage(shape.codes, config.codebook.usageWindow);
  if (kept !== null) usage.load(kept);
  const trained = {
    parameters: tokenizer.parameters,
    optimizer,
    model: shape,
    extra: () => new Map([...teacher.state(), ...usage.export()]),
    histograms: () =>
      new Map([["codebook/hits", {
        shape: [shape.codes],
        values: Float32Array.from(usage.hits),
      }]]),
  };
  const startStep = await session.restore(trained);

  const share = fitMicroBatch(
    config,
    tokenizerFootprint(shape),
    session,
    options,
  );
  const length = runLength(config, source.length);
  const schedule = learningRateSchedule(config, length);
  const open = () =>
    openLoader(config.data, {
      source,
      transform: trainTransform(config.augment),
      batch: config.batchSize,
      ...share,
      seed: config.seed,
      cropsPerImage: config.augment.cropsPerImage,
    }, listener);
  const parts = microBatchesAt(config, length, source.length, share);
  const normalization = normalizations[config.augment.normalization];
  if (startStep === 0) {
    suggestCodes(config, source.length, listener);
    await startCodebook({
      ...{ on, config, tokenizer, loader: await open() },
      generator: generator.split("kmeans"),
      takesPart: (step) => parts(step)[0].share > 0,
    });
  }
  const alarm = usageAlarm(config, usage, listener);
  const cache = await openTeacherCache(on, config, teacher);
  const loaded = loaderQueue(await open());
  const queue = cache?.ahead(loaded) ?? loaded;
  let metrics: Record<string, number> = {};
  try {
    session.describeData(source);
    session.setPictures(codePictures({ on, config, source, tokenizer }));
    const { step, interrupted } = await trainInSession<LoadedBatch>(session, config, {
      queue,
      stages: pipeline(teach(teacher, cache))
        .to(encodeAndDecode(tokenizer, normalization))
        .to(quantize(tokenizer, config.codebook))
        .to(optimize(optimizer, schedule, config.distributed)),
      learningRate: (at) => learningRateAt(schedule, at),
      startStep,
      length,
      images: source.length,
      share,
      summarize: (counts) => {
        usage.add(counts);
        return usage.health;
      },
      onStep: (step) => {
        const { loss, teacherCosine, quantizationError } = step as Record<string, number>;
        metrics = { loss, teacherCosine, quantizationError, ...usage.health };
        alarm();
      },
      wantsPause: (at) => isCheckpointDue(config, at, length),
      pause: (at) => session.save(at, trained, at >= length.scheduleSteps),
      frozenStage: "teach",
      moving: tokenizer.parameters.frozen,
      saveFailure: (failure) => session.saveFailure(failure, trained, { frozenStage: "teach" }),
      signal: options.signal,
    });
    if (!interrupted) {
      const { tensors, metadata } = await exportTokenizer(tokenizer);
      await session.writeTensors(tokenizerFile, tensors, metadata);
    }
    if (cache !== null) {
      const { hits, misses } = cache.counts;
      const message = `The teacher saw ${misses} crops; the features of ${hits} were kept`;
      listener({ type: "note", message });
    }
    await session.finish();
    listener({ type: "done", step, interrupted });
    return { step, interrupted, directory: session.directory, metrics };
  } finally {
    await queue.close();
    optimizer.dispose();
    tokenizer.dispose();
    teacher.dispose();
  }
}

/** Tokens that a code should see in one pass over the data for it to stay alive and mean something. */
const fewestTokensPerCode = 20;

/** Says so where the data are too few for the codebook. */
function suggestCodes(
  { codebook, model }: TokenizerConfig,
  images: number,
  listener: RunListener,
): void {
  const tokens = images * (model.imageSize / model.patchSize) ** 2;
  if (tokens >= codebook.codes * fewestTokensPerCode) return;
  const fitting = 2 ** Math.max(1, Math.floor(Math.log2(tokens / fewestTokensPerCode)));
  listener({
    type: "warning",
    kind: "codebookSize",
    message:
      `${images} images have ${tokens} tokens, ${Math.floor(tokens / codebook.codes)} for each ` +
      `of ${codebook.codes} codes: many codes will die; set codebook.codes=${fitting} or less, or ` +
      "codebook.restartIdleSteps=50",
  });
}

/** Warns once when less of the codebook is in use than the config allows. */
function usageAlarm(
  { codebook }: TokenizerConfig,
  usage: CodebookUsage,
  listener: RunListener,
): () => void {
  let isRaised = false;
  return () => {
    if (isRaised || !usage.isFull) return;
    const { codebookUsage, deadCodes } = usage.health;
    if (codebookUsage >= codebook.usageAlarm) return;
    isRaised = true;
    listener({
      type: "warning",
      kind: "codebookCollapse",
      message:
        `The codebook has collapsed: ${deadCodes} of ${codebook.codes} codes were not used in ` +
        `${codebook.usageWindow} steps; set codebook.restartIdleSteps=50, lower optimizer.lr, or ` +
        "use fewer codes",
    });
  };
}
