/**
 * `predict`: the classes of images.
 *
 * @module
 */

import { openImages } from "../data/sources/image_files.ts";
import type { Source } from "../data/sources/source.ts";
import { scores } from "../pipeline/evaluation/classification.ts";
import { type InferenceOptions, withInference } from "./inference.ts";
import { loadClassifier } from "./load_classifier.ts";
import { tellOf } from "../pipeline/images/data_sources.ts";
import { testTransform } from "../pipeline/images/preparation.ts";

/** What to classify. */
export interface PredictOptions extends InferenceOptions {
  /** Image files, or a single folder or archive; or the caller's own source. */
  readonly images: readonly string[] | Source;
  /** Number of classes to name for each image; default: 5. */
  readonly top?: number | undefined;
  /** Names of the classes, if the checkpoint has none. */
  readonly classNames?: readonly string[] | undefined;
}

/** A class that an image may belong to. */
export interface Guess {
  /** Its number, from 0. */
  readonly label: number;
  /** The class's name. */
  readonly name: string;
  /** The score before softmax. */
  readonly logit: number;
  /** By softmax, in [0, 1]. */
  readonly probability: number;
}

/** The best classes for one image. */
export interface Prediction {
  /** The image's path or name in its source. */
  readonly image: string;
  /** The most probable first. */
  readonly guesses: readonly Guess[];
}

/**
 * The most probable classes of images, in order.
 *
 * @throws UserError for a missing checkpoint or image, or a checkpoint without a classifier
 */
export async function predict(options: PredictOptions): Promise<Prediction[]> {
  const { images, top = 5, checkpoint, imageSize, downloads } = options;
  return await withInference(options, async ({ on, preparation, batch, listener }) => {
    const source = "read" in images ? images : tellOf(await openImages(images), listener);
    const { model, classNames } = await loadClassifier(on, checkpoint, {
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(downloads === undefined ? {} : { downloads }),
    });
    const names = options.classNames ?? classNames ?? [];
    const predictions: Prediction[] = [];
    try {
      const all = scores(on, model, source, {
        data: preparation.data,
        transform: testTransform(preparation, model.config.imageSize),
        normalization: preparation.normalization,
        batch,
        listener,
        what: "Predicting",
      });
      const classes = model.config.classes!;
      for await (const { logits, ids } of all) {
        for (const [index, image] of ids.entries()) {
          const row = logits.subarray(index * classes, (index + 1) * classes);
          predictions.push({ image, guesses: bestGuesses(row, top, names) });
        }
      }
    } finally {
      model.dispose();
      if (!("read" in images)) source.close?.();
    }
    return predictions;
  });
}

function bestGuesses(logits: Float32Array, top: number, names: readonly string[]): Guess[] {
  const most = logits.reduce((best, value) => Math.max(best, value), -Infinity);
  const powers = Array.from(logits, (value) => Math.exp(value - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers
    .map((power, label) => ({
      label,
      name: names[label] ?? `${label}`,
      logit: logits[label],
      probability: power / sum,
    }))
    .sort((a, b) => b.probability - a.probability || a.label - b.label)
    .slice(0, top);
}
