/**
 * Accuracy of a classifier on labelled images: top-1, top-5, per class, and the confusion matrix.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { Normalization } from "../../data/images/normalize.ts";
import type { Source } from "../../data/sources/source.ts";
import { countOverRanks } from "../../distributed/reduce_values.ts";
import type { Communicator } from "../../distributed/communicator.ts";
import { single } from "../../distributed/single.ts";
import type { DropPathDraws } from "../../models/layers/drop_path.ts";
import { imageTensor } from "../tokenize.ts";
import { type ConfusionMatrix, mostConfusionClasses } from "../../report/confusion_matrix.ts";
import { batchesOf, type CollectOptions } from "./collect_features.ts";

/** Anything that produces class scores: a {@link Classifier}, or the user's own. */
export interface ImageClassifier {
  /** Images [B, 3, S, S] → scores before softmax [B, classes]. */
  logits(
    on: Context,
    images: Tensor,
    options: { readonly dropPath: DropPathDraws | null; readonly recompute?: number },
  ): Tensor;
}

/** Scores of one batch, on the host. */
export interface ScoredBatch {
  /** Class scores before softmax, row-major [B, classes]. */
  readonly logits: Float32Array;
  readonly labels: Int32Array;
  readonly ids: readonly string[];
}

/** Counts over all images. */
export interface ClassificationCounts {
  readonly images: number;
  /** Images whose class has the highest score, or one of the five highest. */
  readonly correct: number;
  readonly correctFive: number;
  /** Images of a class (row) that were classified as another (column). */
  readonly confusion: readonly Int32Array[];
}

/** How images are read, preprocessed and normalised. */
export interface ClassificationOptions extends CollectOptions {
  readonly normalization: Normalization;
}

/** The scores of all images in a source, in order. */
export async function* scores(
  on: Context,
  model: ImageClassifier,
  source: Source,
  options: ClassificationOptions,
): AsyncGenerator<ScoredBatch, void, void> {
  for await (const { pixels, size, imageSize, labels, ids } of batchesOf(source, options)) {
    const logits = on.backend.run(() =>
      tf.tidy(() => {
        const images = imageTensor(pixels, size, imageSize, options.normalization);
        return tf.cast(model.logits(on, images, { dropPath: null }), "float32");
      })
    );
    const values = await logits.data() as Float32Array;
    logits.dispose();
    yield { logits: values, labels, ids };
  }
}

/**
 * The confusion matrix as part of an evaluation's event; nothing if there are too many classes to look at.
 *
 * @param counts by true class (row) and predicted class (column)
 */
export function confusionOf(
  classes: readonly string[],
  counts: readonly ArrayLike<number>[],
): { readonly confusion?: ConfusionMatrix } {
  if (classes.length > mostConfusionClasses) return {};
  return { confusion: { classes, counts: counts.map((row) => Array.from(row)) } };
}

/** How many scores are higher than that of `label`; ties go to the lower class. */
export function rankOfLabel(row: Float32Array, label: number): number {
  let rank = 0;
  for (let other = 0; other < row.length; other++) {
    if (row[other] > row[label] || (row[other] === row[label] && other < label)) rank++;
  }
  return rank;
}

/** The class with the highest score; ties go to the lower class. */
export function bestClass(row: Float32Array): number {
  let best = 0;
  for (let other = 1; other < row.length; other++) if (row[other] > row[best]) best = other;
  return best;
}

/** Counts what a classifier with `classes` classes gets right; images without a label are ignored. */
export class ClassificationCounter {
  readonly #classes: number;
  readonly #confusion: readonly Int32Array[];
  /** Images, and those whose class has the highest score or one of the five highest. */
  readonly #totals = new Int32Array(3);

  constructor(classes: number) {
    this.#classes = classes;
    this.#confusion = Array.from({ length: classes }, () => new Int32Array(classes));
  }

  /** Adds a batch. */
  add({ logits, labels }: Pick<ScoredBatch, "logits" | "labels">): void {
    for (const [index, label] of labels.entries()) {
      if (label < 0) continue;
      const row = logits.subarray(index * this.#classes, (index + 1) * this.#classes);
      const rank = rankOfLabel(row, label);
      this.#totals[0]++;
      if (rank < 1) this.#totals[1]++;
      if (rank < 5) this.#totals[2]++;
      this.#confusion[label][bestClass(row)]++;
    }
  }

  /** The counts over all ranks. */
  async counts(communicator: Communicator = single): Promise<ClassificationCounts> {
    const own = [this.#totals, ...this.#confusion];
    const [totals, ...confusion] = await countOverRanks(communicator, own);
    return { images: totals[0], correct: totals[1], correctFive: totals[2], confusion };
  }
}

/** What a classifier gets right, over all ranks; images without a label are ignored. */
export async function countCorrect(
  on: Context,
  model: ImageClassifier,
  source: Source,
  classes: number,
  options: ClassificationOptions,
): Promise<ClassificationCounts> {
  const counter = new ClassificationCounter(classes);
  for await (const batch of scores(on, model, source, options)) counter.add(batch);
  return await counter.counts(options.communicator);
}
