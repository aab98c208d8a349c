/**
 * `evaluate`: accuracy of a classifier on labelled images.
 *
 * @module
 */

import { communicatorOf } from "../backends/backend.ts";
import { UserError } from "../core/errors.ts";
import { openEvaluationSource } from "../pipeline/images/data_sources.ts";
import { type ClassificationCounts, countCorrect } from "../pipeline/evaluation/classification.ts";
import { type InferenceOptions, withInference } from "./inference.ts";
import { loadClassifier } from "./load_classifier.ts";
import { isOfRun, testTransform } from "../pipeline/images/preparation.ts";
import type { RunListener } from "../pipeline/engine/events.ts";
import { requireLabels } from "../pipeline/images/require_labels.ts";
import { classDifference } from "../pipeline/engine/resuming/data_print.ts";

/** The results for one class. */
export interface ClassAccuracy {
  /** The class's name. */
  readonly name: string;
  /** Its images in the test split. */
  readonly images: number;
  /** Share of its images that were recognised; null if it has none. */
  readonly recall: number | null;
  /** Share of the images classified as it that belong to it; null if there were none. */
  readonly precision: number | null;
  /** The other class that its images were most often classified as; null if there was none. */
  readonly confusedWith: string | null;
}

/** Accuracies in [0, 1]. */
export interface EvaluateResult {
  /** Share of images whose class comes first. */
  readonly top1: number;
  /** Share of images whose class is among the first five. */
  readonly top5: number;
  /** Images in the test split. */
  readonly images: number;
  /** The same by class, in order of their numbers. */
  readonly classes: readonly ClassAccuracy[];
  /** Images of a class (row) that were classified as another (column). */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * Top-1 and top-5 accuracy of any loadable classifier on the evaluation split, a table of its classes and the
 * confusion matrix.
 *
 * @throws UserError for a missing checkpoint or missing images, or if the images and the model differ in the
 * number of classes
 */
export async function evaluate(options: InferenceOptions): Promise<EvaluateResult> {
  return await withInference(options, async ({ on, preparation, batch, listener }) => {
    const { checkpoint, imageSize, downloads } = options;
    const { data, normalization } = preparation;
    const source = await openEvaluationSource(data, listener);
    try {
      requireLabels(source, data.evaluationSource ?? data.source);
      const { model, classNames } = await loadClassifier(on, checkpoint, {
        ...(imageSize === undefined ? {} : { imageSize }),
        ...(downloads === undefined ? {} : { downloads }),
      });
      try {
        const { classes, imageSize: size } = model.config;
        requireClasses({ checkpoint, classes, classNames }, source.classes, listener);
        const counts = await countCorrect(on, model, source, source.classes.length, {
          what: "Evaluating",
          data,
          transform: testTransform(preparation, size),
          normalization,
          batch,
          listener,
          communicator: communicatorOf(on),
        });
        return summarize(counts, source.classes);
      } finally {
        model.dispose();
      }
    } finally {
      source.close?.();
    }
  });
}

/** What a classifier knows. */
interface KnownClasses {
  readonly checkpoint: string;
  readonly classes: number | undefined;
  readonly classNames: readonly string[] | null;
}

/**
 * Rejects images with more or fewer classes than the model learned, or with other names. A published model may
 * have names that no folder has, in the same order: that is reported.
 */
export function requireClasses(
  { checkpoint, classes, classNames: learned }: KnownClasses,
  found: readonly string[],
  listener: RunListener,
): void {
  if (classes !== found.length) {
    throw new UserError(
      `Cannot evaluate "${checkpoint}": it knows ${classes} classes, and the images have ` +
        `${found.length}`,
      { hint: "give the images that it was fine-tuned on with --data" },
    );
  }
  const difference = learned === null ? null : classDifference(learned, found);
  if (difference === null) return;
  if (!isOfRun(checkpoint) && !learned!.some((name) => found.includes(name))) {
    const message = `The model's classes have other names ("${learned![0]}" is matched with ` +
      `"${found[0]}", …): they are matched in order`;
    listener({ type: "note", message });
    return;
  }
  throw new UserError(
    `Cannot evaluate "${checkpoint}": the images do not have the classes that it learned ` +
      `(${difference})`,
    { hint: "give the images that it was fine-tuned on with --data" },
  );
}

function summarize(
  { images, correct, correctFive, confusion }: ClassificationCounts,
  names: readonly string[],
): EvaluateResult {
  const classes = names.map((name, label): ClassAccuracy => {
    const row = confusion[label];
    const own = row.reduce((sum, count) => sum + count, 0);
    const taken = confusion.reduce((sum, other) => sum + other[label], 0);
    const others = row.map((count, other) => other === label ? 0 : count);
    const most = Math.max(...others);
    return {
      name,
      images: own,
      recall: own === 0 ? null : row[label] / own,
      precision: taken === 0 ? null : row[label] / taken,
      confusedWith: most === 0 ? null : names[others.indexOf(most)],
    };
  });
  return {
    top1: correct / images,
    top5: correctFive / images,
    images,
    classes,
    confusion: confusion.map((row) => [...row]),
  };
}
