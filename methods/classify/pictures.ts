/**
 * A classifier's output for a few images.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { RunConfig } from "../../configs/task.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Source } from "../../data/sources/source.ts";
import type { Transform } from "../../data/augment/transform.ts";
import type { PictureSheet } from "../../report/picture_sheet.ts";
import {
  type DrawPictures,
  fixedImages,
  shownOf,
} from "../../pipeline/engine/recording/fixed_images.ts";

/** What is shown. */
export interface ClassifierSubject {
  readonly on: Context;
  readonly config: Pick<RunConfig, "data" | "seed">;
  readonly source: Source;
  /** The role of the images in the run: held out or, if there are none, training images. */
  readonly split: "validation" | "training";
  readonly transform: Transform;
  /** Scores [B, classes] of a batch, without drop path. */
  logits(batch: LoadedBatch): Tensor;
}

/** A picture without a frame takes little room: show twice as many as in the wider sheets. */
const shownImages = 16;

/** Draws the pictures of a run that trains a classifier; images are loaded on the first call. */
export function classPictures(subject: ClassifierSubject): DrawPictures {
  const { on, config, source, transform } = subject;
  let images: LoadedBatch | null = null;
  return async () => {
    const batch = images ??= await fixedImages(source, config, { transform });
    const shares = on.backend.run(() => tf.tidy(() => tf.softmax(subject.logits(batch))));
    const values = await shares.data() as Float32Array;
    shares.dispose();
    return sheetOf(batch, values, subject);
  };
}

/** @param shares of the classes, [B, classes] */
function sheetOf(
  batch: LoadedBatch,
  shares: Float32Array,
  { source: { classes }, split }: ClassifierSubject,
): PictureSheet {
  const count = shares.length / batch.size;
  const predicted = Array.from({ length: batch.size }, (_, index) => {
    const own = shares.subarray(index * count, (index + 1) * count);
    const best = own.reduce((best, share, label) => share > own[best] ? label : best, 0);
    return { label: best, share: own[best] };
  });
  const isRight = (index: number) => predicted[index].label === batch.labels[index];
  const name = (label: number) => classes[label] ?? `class ${label}`;
  const right = predicted.filter((_, index) => isRight(index)).length;
  return {
    title: split === "validation" ? "Validation pictures" : "Training pictures",
    explanation: `The same ${split} images throughout the run, without augmentation, with the ` +
      "most probable class. Framed in green if it is correct, otherwise in red.",
    columns: ["image"],
    rows: shownOf(batch, shownImages).map(({ index, id, picture }) => {
      const { label, share } = predicted[index];
      const answer = `${name(label)} ${(100 * share).toFixed(0)} %`;
      const correction = isRight(index) ? "" : `, is ${name(batch.labels[index])}`;
      return {
        id,
        caption: `${answer}${correction} · ${id}`,
        pictures: [picture],
        isRight: isRight(index),
      };
    }),
    figures: { accuracy: right / batch.size },
  };
}
