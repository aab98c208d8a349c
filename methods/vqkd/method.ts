/**
 * Training of the visual tokenizer, VQ-KD: load → augment → teach → encode → quantize → optimize.
 *
 * @module
 */

import { type TokenizerConfig, tokenizerTask } from "./config.ts";
import { Generator } from "../../core/generator.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import { initialisePlain } from "../../models/initialise.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
import type { Teacher } from "../../models/teachers/teacher.ts";
import type { VqkdConfig } from "../../models/vqkd_config.ts";
import { type VqkdOutput, VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import type {
  AugmentedBatch,
  FileBatch,
  LossOutput,
  StepOutput,
  StepPlace,
} from "../../pipeline/batch.ts";
import { CodebookUsage } from "./codebook_usage.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { encodeAndDecode, quantize } from "./stages/quantize.ts";
import { type HostStage, pipeline, type Stage } from "../../pipeline/stage.ts";
import { type TaughtBatch, teach } from "./stages/teach.ts";
import type { TeacherCache } from "./teachers/teacher_cache.ts";
import { codePictures } from "./pictures.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { trainTransform } from "../../pipeline/images/transforms.ts";
import { createOptimizer } from "../../pipeline/engine/create_optimizer.ts";
import { type EngineOutcome, runMethod } from "../../pipeline/engine/run_method.ts";
import type { MethodOptions } from "../../pipeline/engine/run_options.ts";
import { learningRateSchedule, runLength } from "../../pipeline/engine/schedule.ts";
import type { ListedMethod } from "../../pipeline/engine/method.ts";
import { kindOf } from "./teachers/mod.ts";
import { tokenizerFile } from "../../checkpoints/store/tokenizer_file.ts";
import { exportTokenizer } from "./export_tokenizer.ts";
import { CodeRank } from "./evaluation.ts";
import { openTeacherCache } from "./teachers/open_teacher_cache.ts";
import { formatMetric, metricName } from "../../core/metric_names.ts";
import { alignedRows } from "../../report/text_tables.ts";
import { planTokenizer, tokenizerSteps } from "./plan.ts";
import { tokenizerFootprint, vqkdConfig } from "./shape.ts";
import { startCodebook } from "./start_codebook.ts";

/** The stages of tokenizer training; each can be replaced by another of the same type. */
export interface TokenizerStages {
  /** Reads the image files of a micro-batch. */
  readonly load: HostStage<StepPlace, FileBatch>;
  /** Decodes and crops them. */
  readonly augment: HostStage<FileBatch, AugmentedBatch>;
  /** Computes the teacher's features. */
  readonly teach: Stage<AugmentedBatch, TaughtBatch>;
  /** Encodes the images, finds the nearest codes and decodes them. */
  readonly encode: Stage<TaughtBatch, VqkdOutput>;
  /** Updates the codebook, and passes on the loss: the distance from the teacher's features. */
  readonly quantize: Stage<VqkdOutput, LossOutput>;
  /** Takes gradients, and updates after the last micro-batch. */
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** What a user's stages may be built from. */
export interface TokenizerParts {
  /** The tokenizer being trained. */
  readonly tokenizer: VqkdTokenizer;
}

/** How to train a tokenizer; see {@link MethodOptions}. */
export type TokenizerOptions = MethodOptions<TokenizerStages, TokenizerParts>;

/** The result of tokenizer training. */
export interface TokenizerResult extends EngineOutcome {
  /** Of the last step: loss, cosine similarity to the teacher, and the codebook's statistics. */
  readonly metrics: Readonly<Record<string, number>>;
  /** RankMe of the vectors that the codebook quantizes; null if it was not measured at the end. */
  readonly rankMe: number | null;
}

/** The stages on the device. */
function deviceStages(
  config: TokenizerConfig,
  tokenizer: VqkdTokenizer,
  teacher: Teacher,
  cache: TeacherCache | null,
) {
  return pipeline(teach(teacher, cache))
    .to(encodeAndDecode(tokenizer, normalizations[config.augment.normalization], config))
    .to(quantize(tokenizer, config.codebook));
}

/** A placeholder for the teacher when replaying a failed step, whose features are in its bundle. */
const noTeacher = { targetDim: 0 } as Teacher;

/** The last step's metrics that describe the tokenizer's quality. */
const resultMetrics = [
  "loss",
  "teacherCosine",
  "quantizationError",
  "codebookUsage",
  "codebookPerplexity",
  "deadCodes",
  "longestIdleSteps",
];

/** Tokenizer training, as the engine runs it. */
export const vqkd: ListedMethod<
  TokenizerConfig,
  LoadedBatch,
  TokenizerParts,
  Pick<TokenizerResult, "metrics" | "rankMe">
> = {
  task: tokenizerTask,
  inputStages: ["load", "augment"],
  plan: async (config, options) =>
    config.method === "kMeans"
      ? await (await import("./k_means/plan_k_means.ts")).planKMeans(config)
      : await planTokenizer(config, options),
  measureWhole: async (config, options) =>
    await (await import("./k_means/plan_k_means.ts")).measureKMeans(config, options),
  sizes: ({ model }) => model,
  stepsOnly: tokenizerSteps,
  withoutSteps: async (config, options) =>
    config.method === "kMeans"
      ? await (await import("./k_means/fit_k_means.ts")).fitKMeans(config, options)
      : null,
  describe: ({ interrupted, metrics, rankMe, directory }) => ({
    table: alignedRows([
      ["", "this tokenizer"],
      ...Object.entries({ ...metrics, ...(rankMe === null ? {} : { rankMe }) }).map((
        [key, value],
      ) => [metricName(key), formatMetric(key, value)]),
    ]),
    ...(interrupted ? {} : {
      place: `The tokenizer is ${directory}/tokenizer.safetensors; the run is next to it`,
    }),
  }),

  async open({ config, on, listener, images: { source }, downloads, saved, ...run }) {
    const generator = Generator.from(config.seed);
    const kept = saved?.extra ?? null;
    // First without its teacher, so as not to read the teacher's weights if even that does not fit.
    run.requireRoom(tokenizerFootprint(vqkdConfig(config, 0), 0));
    const { kind, settings } = kindOf(config.teacher);
    const teacher = await kind.open({ on, config, settings, source, kept, listener, downloads });
    const shape = vqkdConfig(config, teacher.targetDim);
    const footprint = tokenizerFootprint(shape, teacher.parameterCount);
    run.requireRoom(footprint);
    const initialise = initialisePlain(generator.split("model"), {
      xavier: config.model.initVariant === "xavier",
    });
    const tokenizer = VqkdTokenizer.create(on, shape, initialise);
    const usage = new CodebookUsage(shape.codes, config.codebook.usageWindow);
    const cache = await openTeacherCache(on, config, teacher);
    const length = runLength(config, source.length);
    const evaluation = new CodeRank({ on, config, source, listener, tokenizer, length });
    const alarm = usageAlarm(config, usage, listener);
    return {
      shape,
      parameters: tokenizer.parameters,
      parts: { tokenizer },
      footprint,
      schedule: { length, learningRate: learningRateSchedule(config, length) },
      input: {
        transform: trainTransform(config.augment),
        cropsPerImage: config.augment.cropsPerImage,
      },
      ...(cache === null ? {} : { ahead: (queue) => cache.ahead(queue) }),
      stages: deviceStages(config, tokenizer, teacher, cache),
      frozenStage: "teach",
      moving: tokenizer.parameters.frozen,
      createOptimizer: (trainable) => createOptimizer(on, config, trainable, shape.depth),
      kept: [{
        export: () => new Map([...teacher.state(), ...usage.export()]),
        load: (values) => usage.load(values),
      }],
      histograms: () =>
        new Map([["codebook/hits", {
          shape: [shape.codes],
          values: Float32Array.from(usage.hits),
        }]]),
      evaluation,
      pictures: codePictures({ on, config, source, tokenizer }),
      summarize: (counts) => {
        usage.add(counts);
        return usage.health;
      },
      onStep: alarm,
      async begin({ openLoader, microBatches }) {
        suggestCodes(config, source.length, listener);
        await startCodebook({
          ...{ on, config, tokenizer, loader: await openLoader() },
          generator: generator.split("kmeans"),
          takesPart: (step) => microBatches(step)[0].share > 0,
        });
      },
      async finish({ interrupted }) {
        if (!interrupted) {
          const { tensors, metadata } = exportTokenizer(tokenizer);
          await run.writeModel(tokenizerFile, tensors, metadata);
        }
        if (cache === null) return;
        const { hits, misses } = cache.counts;
        const message = `The teacher saw ${misses} crops; the features of ${hits} were cached`;
        listener({ type: "note", message });
      },
      result: (_, metrics) => ({
        metrics: Object.fromEntries(
          resultMetrics.filter((name) => name in metrics).map((name) => [name, metrics[name]]),
        ),
        rankMe: evaluation.last,
      }),
      dispose() {
        tokenizer.dispose();
        teacher.dispose();
      },
    };
  },

  reopen(on, { config, shape, parameters }) {
    const initialise = initialiseFrom(parameters, null);
    const tokenizer = VqkdTokenizer.create(on, shape as VqkdConfig, initialise);
    return {
      shape,
      parameters: tokenizer.parameters,
      parts: { tokenizer },
      stages: deviceStages(config, tokenizer, noTeacher, null),
      dispose: () => tokenizer.dispose(),
    };
  },
};

/**
 * Trains a VQ-KD tokenizer according to a config.
 *
 * @throws UserError for a mistake in the config, the data, the teacher or the run directory
 */
export function trainTokenizer(
  config: TokenizerConfig,
  options: TokenizerOptions = {},
): Promise<TokenizerResult> {
  return runMethod(vqkd, config, options);
}

/** Tokens that a code should get in one pass over the data to stay in use and be meaningful. */
const fewestTokensPerCode = 20;

/** Says so if there is too little data for the codebook. */
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
      `of ${codebook.codes} codes: many codes will die; give --set codebook.codes=${fitting} or less, or ` +
      "--set codebook.restartIdleSteps=50",
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
        `${codebook.usageWindow} steps; give --set codebook.restartIdleSteps=50, lower --lr, or ` +
        "use fewer codes",
    });
  };
}
