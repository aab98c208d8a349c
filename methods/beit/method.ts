/**
 * BEiT v2 pretraining, composed of the seven stages.
 *
 * @module
 */

import { type PretrainConfig, pretrainTask } from "./config.ts";
import { type BeitConfig, validateBeitConfig } from "../../models/beit_config.ts";
import { initialiseZero } from "../../models/initialise.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
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
import { loss } from "../../pipeline/loss.ts";
import { type HostStage, pipeline, type Stage } from "../../pipeline/stage.ts";
import { type PatchTokenizer, tokenize } from "../../pipeline/tokenize.ts";
import { pretrainPictures } from "./pictures.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { noteNormalization } from "../../pipeline/images/checkpoint_preparation.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { maskOptions, pretrainTransform } from "../../pipeline/images/transforms.ts";
import { createOptimizer } from "../../pipeline/engine/create_optimizer.ts";
import { type EngineOutcome, runMethod } from "../../pipeline/engine/run_method.ts";
import type { MethodOptions } from "../../pipeline/engine/run_options.ts";
import { learningRateSchedule, runLength } from "../../pipeline/engine/schedule.ts";
import type { ListedMethod } from "../../pipeline/engine/method.ts";
import { describeAccuracies } from "../../report/text_tables.ts";
import { openTokenizer } from "../vqkd/open_tokenizer.ts";
import { type EvaluationResults, FeatureEvaluation } from "./evaluation.ts";
import { type CodeCache, openCodeCache } from "./code_cache.ts";
import { describeGain, type Gain, GainRecord } from "./gain.ts";
import { planPretraining, pretrainFootprint, pretrainSteps } from "./plan.ts";
import { beitConfig } from "./shape.ts";
import { describeContinuation, startPretraining } from "./start.ts";

/** The stages of pretraining; each can be replaced by another of the same type. */
export interface PretrainStages {
  /** Reads the image files of a micro-batch. */
  readonly load: HostStage<StepPlace, FileBatch>;
  /** Decodes and crops them: one crop, seen by the student and by the tokenizer. */
  readonly augment: HostStage<FileBatch, AugmentedBatch>;
  /** Draws each image's masked patches. */
  readonly mask: HostStage<AugmentedBatch, MaskedBatch>;
  /** Labels every patch with the frozen tokenizer's code. */
  readonly tokenize: Stage<MaskedBatch, TokenizedBatch>;
  /** Encodes the masked images. */
  readonly encode: Stage<TokenizedBatch, EncodedBatch>;
  /** Predicts the codes of masked patches; cross-entropy. */
  readonly loss: Stage<EncodedBatch, LossOutput>;
  /** Takes gradients, and updates after the last micro-batch. */
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** What a user's stages may be built from. */
export interface PretrainParts {
  /** The model being trained; `model.logits` is its prediction head. */
  readonly model: MaskedImageModel;
}

/** How to pretrain; see {@link MethodOptions}. */
export type PretrainOptions = MethodOptions<PretrainStages, PretrainParts>;

/** The result of a pretraining run. */
export interface PretrainResult extends EngineOutcome {
  /** Accuracies and RankMe by what was evaluated: `features`, `untrained`, `pixels` and `chance`. */
  readonly evaluation: EvaluationResults;
  /** For a run that continues a checkpoint: its loss at both ends; null before its first step. */
  readonly gain: Gain | null;
  /** RankMe of the model's features; null if it was not measured at the end. */
  readonly rankMe: number | null;
}

/** The stages on the device. */
function deviceStages(
  config: PretrainConfig,
  tokenizer: PatchTokenizer,
  model: MaskedImageModel,
  codes: CodeCache | null,
) {
  const { normalization, tokenizerNormalization } = config.augment;
  const view = normalizations[tokenizerNormalization];
  return pipeline(tokenize(tokenizer, view, codes?.stored ?? null))
    .to(encode(model, normalizations[normalization], config))
    .to(loss(model));
}

/** A placeholder for the tokenizer when replaying a failed step, whose codes are in its bundle. */
const noTokenizer: PatchTokenizer = {
  encode() {
    throw new Error("A failed step has its codes already");
  },
};

/** Pretraining, as the engine runs it. */
export const beit: ListedMethod<
  PretrainConfig,
  MaskedBatch,
  PretrainParts,
  Pick<PretrainResult, "evaluation" | "rankMe" | "gain">
> = {
  task: pretrainTask,
  inputStages: ["load", "augment", "mask"],
  plan: planPretraining,
  stepsOnly: pretrainSteps,
  describe: ({ loss, evaluation }) => ({
    table: describeAccuracies(evaluation),
    ending: loss === null ? "" : `, loss ${loss.toPrecision(4)}`,
  }),
  sizes: ({ model }) => model,
  validate: (config) => validateBeitConfig(beitConfig(config)),

  async open(run) {
    const { config, on, listener, images: { source } } = run;
    const { pretrained } = config;
    const tokenizer = await openTokenizer(run);
    const createStart = async (tell: RunListener = () => {}) => {
      const start = await startPretraining(config, { downloads: run.downloads });
      if (start.continuation !== null) {
        for (const message of describeContinuation(pretrained!, start.continuation)) {
          tell({ type: "note", message });
        }
        noteNormalization(start.preprocessing, config.augment.normalization, tell);
      }
      return MaskedImageModel.create(on, start.shape, start.initialise);
    };
    const footprint = pretrainFootprint(config, tokenizer.parameterCount);
    run.requireRoom(footprint);
    const model = pretrained !== null && run.saved !== null
      ? MaskedImageModel.create(on, run.saved.shape as BeitConfig, initialiseZero)
      : await createStart(listener);
    const { config: shape } = model;
    const length = runLength(config, source.length);
    const evaluation = await FeatureEvaluation.open(run, length, model, {
      name: pretrained === null ? "untrained" : "checkpoint",
      create: () => createStart(),
    });
    const codes = await openCodeCache(run, tokenizer.encoder);
    const gains = new GainRecord(length.totalSteps);
    return {
      shape,
      parameters: model.parameters,
      parts: { model },
      footprint,
      schedule: { length, learningRate: learningRateSchedule(config, length) },
      input: {
        transform: pretrainTransform(config.augment),
        mask: maskOptions(config),
        cropsPerImage: config.augment.cropsPerImage,
      },
      ...(codes === null ? {} : { ahead: (queue) => codes.stored.ahead(queue) }),
      stages: deviceStages(config, tokenizer.encoder, model, codes),
      frozenStage: "tokenize",
      createOptimizer: (trainable) => createOptimizer(on, config, trainable, shape.depth),
      kept: [
        ...(tokenizer.extra === null ? [] : [{ export: tokenizer.extra }]),
        ...(config.evaluation.stop === null ? [] : [evaluation]),
        ...(pretrained === null ? [] : [gains]),
      ],
      onStep: ({ loss }) => gains.add(loss),
      evaluation,
      pictures: pretrainPictures({ on, config, source, tokenizer: tokenizer.onlooker, model }),
      result: () => ({
        evaluation: evaluation.results,
        rankMe: evaluation.results.features?.rankMe ?? null,
        gain: pretrained === null ? null : gains.gain,
      }),
      finish({ interrupted }) {
        const { gain } = gains;
        if (codes !== null) {
          const { hits, misses } = codes.stored.counts;
          const message = `The tokenizer saw ${misses} crops; the codes of ${hits} were stored`;
          listener({ type: "note", message });
        }
        if (pretrained !== null && gain !== null && !interrupted) {
          listener({ type: "note", message: describeGain(gain) });
        }
        return Promise.resolve();
      },
      dispose() {
        codes?.close();
        model.dispose();
        tokenizer.dispose();
      },
    };
  },

  reopen(on, { config, shape, parameters }) {
    const model = MaskedImageModel.create(
      on,
      shape as BeitConfig,
      initialiseFrom(parameters, null),
    );
    return {
      shape,
      parameters: model.parameters,
      parts: { model },
      stages: deviceStages(config, noTokenizer, model, null),
      dispose: () => model.dispose(),
    };
  },
};

/**
 * Pretrains a BEiT v2 according to a config.
 *
 * @throws UserError for a mistake in the config, the data, the tokenizer or the run directory
 *
 * @example Two steps of a tiny model on the bundled images, saving nothing
 * ```ts
 * import { resolveConfig } from "../configs.ts";
 * import { pretrain } from "./method.ts";
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
export function pretrain(
  config: PretrainConfig,
  options: PretrainOptions = {},
): Promise<PretrainResult> {
  return runMethod(beit, config, options);
}
