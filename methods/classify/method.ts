/**
 * Fine-tuning for classification: load → augment → mix → classify → loss → optimize, composed.
 *
 * @module
 */

import { type FinetuneConfig, finetuneTask } from "./config.ts";
import type { MixOptions } from "../../data/augment/mix.ts";
import type { BeitConfig } from "../../models/beit_config.ts";
import { Classifier } from "../../models/classifier.ts";
import { initialiseZero } from "../../models/initialise.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
import type {
  AugmentedBatch,
  FileBatch,
  LossOutput,
  StepOutput,
  StepPlace,
} from "../../pipeline/batch.ts";
import { classificationLoss } from "./stages/loss.ts";
import { type ClassifiedBatch, classify } from "./stages/classify.ts";
import { mix, type MixedBatch } from "./stages/mix.ts";
import { type HostStage, pipeline, type Stage } from "../../pipeline/stage.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import { classPictures } from "./pictures.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import { labelSubset } from "../../pipeline/images/label_subset.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { requireLabels } from "../../pipeline/images/require_labels.ts";
import { evaluationTransform, finetuneTransform } from "../../pipeline/images/transforms.ts";
import { createOptimizer } from "../../pipeline/engine/create_optimizer.ts";
import { openImages } from "../../pipeline/engine/open_images.ts";
import { type EngineOutcome, runMethod } from "../../pipeline/engine/run_method.ts";
import type { MethodOptions } from "../../pipeline/engine/run_options.ts";
import { learningRateSchedule, runLength } from "../../pipeline/engine/schedule.ts";
import { classifierTable } from "../../report/text_tables.ts";
import type { ListedMethod, Run } from "../../pipeline/engine/method.ts";
import { type BestModel, FinetuneEvaluation, openEvaluationSplit } from "./evaluation.ts";
import { planFinetuning } from "./plan.ts";
import { classCount, classifierFootprint, type ClassifierStart, startClassifier } from "./model.ts";

/** The stages of fine-tuning; each can be replaced by another of the same type. */
export interface FinetuneStages {
  /** Reads the image files of a micro-batch. */
  readonly load: HostStage<StepPlace, FileBatch>;
  /** Decodes, crops and changes the images. */
  readonly augment: HostStage<FileBatch, AugmentedBatch>;
  /** Mixes images and their labels: mixup, CutMix. */
  readonly mix: Stage<AugmentedBatch, MixedBatch>;
  /** Computes the logits. */
  readonly classify: Stage<MixedBatch, ClassifiedBatch>;
  /** Cross-entropy with soft labels. */
  readonly loss: Stage<ClassifiedBatch, LossOutput>;
  /** Takes gradients, and updates after the last micro-batch. */
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** What a user's stages may be built from. */
export interface FinetuneParts {
  /** The classifier being trained. */
  readonly model: Classifier;
}

/** How to fine-tune; see {@link MethodOptions}. */
export type FinetuneOptions = MethodOptions<FinetuneStages, FinetuneParts>;

/** The result of a fine-tuning run. */
export interface FinetuneResult extends EngineOutcome {
  /** Accuracies of the final model in [0, 1]; null if there was nothing to evaluate on. */
  readonly top1: number | null;
  /** Share of images whose class is among the first five; null like `top1`. */
  readonly top5: number | null;
  /** Those of the weights' moving average. */
  readonly averaged: { readonly top1: number; readonly top5: number } | null;
  /** The best model of all evaluations, in `best.safetensors` in the run's directory. */
  readonly best: BestModel | null;
  /** Number of classes. */
  readonly classes: number;
}

/** Mixup and CutMix settings of a config; null for none. */
function mixOptions({ augment: { mixing } }: FinetuneConfig): MixOptions | null {
  if (mixing === null) return null;
  return {
    mixup: mixing.mixup,
    cutmix: mixing.cutmix,
    switchProbability: mixing.switchProbability,
    variant: mixing.pairing === "permutation" ? "mmselfsup" : "unilm",
  };
}

/** The stages on the device. */
function deviceStages(config: FinetuneConfig, model: Classifier) {
  return pipeline(mix({
    normalization: normalizations[config.augment.normalization],
    classes: model.config.classes!,
    smoothing: config.augment.labelSmoothing,
    mix: mixOptions(config),
  })).to(classify(model, config)).to(classificationLoss());
}

/** The shape that a checkpoint stores, without its other contents. */
function savedShape(saved: object): BeitConfig {
  const { classNames: _, ...shape } = saved as BeitConfig & { classNames?: string[] };
  return shape;
}

/**
 * The initial values of a new run, or the shape of one being resumed, whose weights are in its checkpoint.
 */
async function startOrResume(
  { config, images, saved, listener, downloads }: Run<FinetuneConfig>,
): Promise<ClassifierStart> {
  const classes = classCount(config, images.source.classes.length);
  if (saved !== null) return { shape: savedShape(saved.shape), initialise: initialiseZero };
  if (config.pretrained === null) {
    listener({ type: "note", message: "No --checkpoint: training from scratch" });
  }
  return await startClassifier(config, classes, listener, downloads);
}

/** Fine-tuning, as the engine runs it. */
export const classifier: ListedMethod<
  FinetuneConfig,
  AugmentedBatch,
  FinetuneParts,
  Omit<FinetuneResult, keyof EngineOutcome>
> = {
  task: finetuneTask,
  inputStages: ["load", "augment"],
  plan: planFinetuning,
  sizes: ({ model }) => model,
  describe: ({ top1, top5, averaged, best, classes }) => ({
    table: classifierTable({
      classifier: top1 === null || top5 === null ? null : { top1, top5 },
      averaged,
      ...(best === null ? {} : { [`best, step ${best.step}`]: best }),
    }, classes),
  }),

  async openImages({ data, seed }, given) {
    const images = await openImages(given, () => openTrainingSource(data));
    try {
      requireLabels(images.source, data.source);
      return { ...images, source: labelSubset(images.source, data.labelFraction, seed) };
    } catch (error) {
      images.close();
      throw error;
    }
  },

  async open(run) {
    const { config, on, images: { source } } = run;
    const { shape, initialise } = await startOrResume(run);
    const footprint = classifierFootprint(shape);
    run.requireRoom(footprint);
    const length = runLength(config, source.length);
    const split = await openEvaluationSplit(run);
    const model = Classifier.create(on, shape, initialise);
    const evaluation = new FinetuneEvaluation(run, length, model, split);
    return {
      // The class names, so that predictions have them.
      shape: { ...model.config, classNames: source.classes },
      parameters: model.parameters,
      parts: { model },
      footprint,
      schedule: { length, learningRate: learningRateSchedule(config, length) },
      input: { transform: finetuneTransform(config) },
      stages: deviceStages(config, model),
      frozenStage: null,
      createOptimizer: (trainable) => createOptimizer(on, config, trainable, shape.depth),
      kept: [evaluation],
      evaluation,
      pictures: classPictures({
        on,
        config,
        ...split === null ? { source, split: "training" } : { source: split, split: "validation" },
        transform: { ...evaluationTransform(config.augment), edge: config.augment.testResize },
        logits: ({ pixels, size, imageSize }) => {
          const normalization = normalizations[config.augment.normalization];
          const images = imageTensor(pixels, size, imageSize, normalization);
          return model.logits(on, images, { dropPath: null });
        },
      }),
      result({ step }) {
        const last = evaluation.last?.step === step ? evaluation.last : null;
        return {
          top1: last?.top1 ?? null,
          top5: last?.top5 ?? null,
          averaged: last?.averaged ?? null,
          best: evaluation.best,
          classes: model.config.classes!,
        };
      },
      dispose() {
        evaluation.close();
        model.dispose();
      },
    };
  },

  reopen(on, { config, shape, parameters }) {
    const model = Classifier.create(on, savedShape(shape), initialiseFrom(parameters, null));
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
 * Fine-tunes a classifier according to a config, from `config.pretrained` or from scratch.
 *
 * @throws UserError for a mistake in the config, the data, the checkpoint or the run directory
 *
 * @example Two steps from scratch on the bundled images, saving nothing
 * ```ts
 * import { resolveConfig } from "../configs.ts";
 * import { finetune } from "./method.ts";
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
export function finetune(
  config: FinetuneConfig,
  options: FinetuneOptions = {},
): Promise<FinetuneResult> {
  return runMethod(classifier, config, options);
}
