/**
 * The classifier that fine-tuning starts from: its shape and initial weights.
 *
 * @module
 */

import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { FinetuneConfig } from "./config.ts";
import { Generator } from "../../core/generator.ts";
import { UserError } from "../../core/errors.ts";
import { type BeitConfig, gridSize, positionsOf } from "../../models/beit_config.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { type Initialise, initialiseFrom, parameterSizes } from "../../models/parameter_set.ts";
import { classifierSpecs } from "../../models/classifier.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import type { ModelFootprint } from "../../pipeline/engine/planning/plan.ts";
import { noteNormalization } from "../../pipeline/images/checkpoint_preparation.ts";
import {
  configOfShape,
  type PretrainedWeights,
  readPretrained,
} from "../../pipeline/weights/load_encoder.ts";

/** Sizes that a checkpoint determines; the config's are for models trained from scratch. */
const decidedByCheckpoint = [
  "patchSize",
  "embedDim",
  "depth",
  "heads",
  "mlpRatio",
  "usesAbsolutePositions",
  "usesRelativePositionBias",
] as const;

/** A classifier's shape and initial values. */
export interface ClassifierStart {
  readonly shape: BeitConfig;
  readonly initialise: Initialise;
}

/**
 * The number of classes for a config, given those of the data.
 *
 * @throws UserError if the data has more than `model.classes`
 */
export function classCount({ model }: FinetuneConfig, inData: number): number {
  if (model.classes === "auto") return inData;
  if (inData > model.classes) {
    throw new UserError(
      `Cannot fine-tune: the images have ${inData} classes, and model.classes is ${model.classes}`,
      { hint: "give --set model.classes=auto" },
    );
  }
  return model.classes;
}

function shapeFromScratch({ model }: FinetuneConfig, classes: number): BeitConfig {
  const { sincosAmplitude, headInitScale: _, ...rest } = model;
  return {
    ...rest,
    ...(sincosAmplitude === null ? {} : { sincosAmplitude }),
    classes,
    earlyLayers: 0,
    headLayers: 0,
    codes: 1,
  };
}

/** The shape of a checkpoint's encoder with the size, classes and drop path of `scratch`. */
export function shapeFromCheckpoint(
  scratch: BeitConfig,
  { shape }: PretrainedWeights,
  listener: RunListener,
): BeitConfig {
  const found: { -readonly [Key in keyof BeitConfig]: BeitConfig[Key] } = configOfShape(shape);
  const { imageSize, classes, dropPathRate, dropPathTwice, initVariant } = scratch;
  const differing = decidedByCheckpoint.filter((key) => found[key] !== scratch[key]);
  if (differing.length > 0) {
    const values = differing.map((key) => `${key} ${found[key]} (config: ${scratch[key]})`);
    listener({ type: "note", message: `The model is the checkpoint's: ${values.join(", ")}` });
  }
  delete found.classes;
  const own = classes === undefined ? {} : { classes };
  return { ...found, ...own, imageSize, dropPathRate, dropPathTwice, initVariant };
}

function freshValues({ model, seed }: FinetuneConfig, shape: BeitConfig): Initialise {
  return initialiseBeit(shape, Generator.from(seed).split("model"), model.headInitScale);
}

/**
 * Shape and initial values of a config's classifier. A pretrained checkpoint provides the encoder, with the
 * shared relative-position table copied into every block and positions resized to `model.imageSize`. A
 * fine-tuned one also provides the norm before the head, and the head if the number of classes matches.
 * Everything else is freshly initialised.
 *
 * @throws UserError for a checkpoint that cannot be read
 */
export async function startClassifier(
  config: FinetuneConfig,
  classes: number,
  listener: RunListener,
  downloads: DownloadOptions = {},
): Promise<ClassifierStart> {
  const scratch = shapeFromScratch(config, classes);
  if (config.pretrained === null) {
    return { shape: scratch, initialise: freshValues(config, scratch) };
  }
  const weights = await readPretrained(config.pretrained, {
    imageSize: config.model.imageSize,
    usesRelativePositionBias: true,
    downloads,
  });
  noteNormalization(weights.preprocessing, config.augment.normalization, listener);
  const shape = shapeFromCheckpoint(scratch, weights, listener);
  const values = new Map(weights.values);
  if (weights.kind === "finetune" && weights.shape.classes !== classes) {
    values.delete("head.weight");
    values.delete("head.bias");
    listener({
      type: "note",
      message:
        `The head is newly initialised: the checkpoint's has ${weights.shape.classes} classes`,
    });
  }
  return { shape, initialise: initialiseFrom(values, freshValues(config, shape)) };
}

/** The memory of a classifier's training step. */
export function classifierFootprint(shape: BeitConfig): ModelFootprint {
  return {
    ...parameterSizes(classifierSpecs(shape)),
    positions: positionsOf(shape),
    frozenParameters: 0,
    tokens: gridSize(shape) ** 2 + 1,
    embedDim: shape.embedDim,
    mlpRatio: shape.mlpRatio,
    blocks: shape.depth,
  };
}
