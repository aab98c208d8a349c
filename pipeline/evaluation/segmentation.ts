/**
 * Segmentation of whole images with a sliding window, and its quality: mIoU, aAcc, mAcc.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { resizeBilinear } from "../../backends/ops/resize_bilinear.ts";
import { crop, type RgbImage } from "../../data/images/image.ts";
import { ignoredLabel, type LabelMap } from "../../data/sources/label_map.ts";
import type { Normalization } from "../../data/images/normalize.ts";
import { resize } from "../../data/images/resize.ts";
import { fittedSize, padImage } from "../../data/augment/segmentation_transform.ts";
import type { Communicator } from "../../distributed/communicator.ts";
import type { Segmenter } from "../../models/segmentation/segmenter.ts";
import { imageTensor } from "../tokenize.ts";
import { addAll } from "../../backends/add_all.ts";

/** How an image is processed. */
export interface WindowOptions {
  /** The longest and shortest edge that it is fitted to. */
  readonly edges: readonly [number, number];
  /** Pixels from one window to the next. */
  readonly stride: number;
  readonly normalization: Normalization;
}

/** Windows at a time. */
const windowBatch = 4;

/**
 * Where the windows along an axis start; the last one ends with the image.
 *
 * @example
 * ```ts
 * import { windowStarts } from "./segmentation.ts";
 * if (windowStarts(683, 512, 341).join() !== "0,171") throw new Error();
 * ```
 */
export function windowStarts(length: number, size: number, stride: number): number[] {
  const count = Math.floor(Math.max(length - size + stride - 1, 0) / stride) + 1;
  return Array.from({ length: count }, (_, index) => Math.min(index * stride, length - size));
}

/** Scores of a padded image, averaged over all windows that cover a pixel, [1, H, W, classes]. */
function windowScores(
  on: Context,
  model: Segmenter,
  image: RgbImage,
  { stride, normalization }: WindowOptions,
): Tensor {
  const { encoder: { imageSize: size }, classes } = model.config;
  const { width, height } = image;
  const places = windowStarts(height, size, stride).flatMap((top) =>
    windowStarts(width, size, stride).map((left) => ({ top, left, width: size, height: size }))
  );
  let sum: Tensor = tf.zeros([1, height, width, classes]);
  const counts = new Float32Array(height * width);
  for (let first = 0; first < places.length; first += windowBatch) {
    const boxes = places.slice(first, first + windowBatch);
    const pixels = new Uint8Array(boxes.length * size * size * 3);
    boxes.forEach((box, index) => pixels.set(crop(image, box).data, index * size * size * 3));
    const next = tf.tidy(() => {
      const images = imageTensor(pixels, boxes.length, size, normalization);
      const { logits } = model.forward(on, images, null);
      const scores = resizeBilinear(on, tf.cast(logits, "float32"), size, size);
      const placed = boxes.map(({ top, left }, index) =>
        tf.pad(tf.slice(scores, [index, 0, 0, 0], [1, size, size, classes]), [
          [0, 0],
          [top, height - top - size],
          [left, width - left - size],
          [0, 0],
        ])
      );
      return addAll([sum, ...placed]);
    });
    sum.dispose();
    sum = next;
    for (const { top, left } of boxes) {
      for (let y = top; y < top + size; y++) {
        counts.subarray(y * width + left, y * width + left + size).forEach((_, x, row) => row[x]++);
      }
    }
  }
  return tf.div(sum, tf.tensor(counts, [1, height, width, 1]));
}

/** The class of every pixel, at the image's own size. */
export async function segmentImage(
  on: Context,
  model: Segmenter,
  image: RgbImage,
  options: WindowOptions,
): Promise<LabelMap> {
  const { width, height } = image;
  const size = model.config.encoder.imageSize;
  const fitted = fittedSize(width, height, options.edges);
  const resized = resize(image, { ...fitted, interpolation: "bilinear" });
  const [r, g, b] = options.normalization.mean.map(Math.round);
  const padded = padImage(resized, size, size, [r, g, b]);
  const classes = on.backend.run(() =>
    tf.tidy(() => {
      const scores = windowScores(on, model, padded, options);
      const inside = tf.slice(scores, [0, 0, 0, 0], [
        1,
        fitted.height,
        fitted.width,
        model.config.classes,
      ]);
      return tf.argMax(resizeBilinear(on, inside, height, width), -1) as Tensor;
    })
  );
  const values = await classes.data();
  classes.dispose();
  return { width, height, data: Uint8Array.from(values) };
}

/** The results for one class; counts are in pixels. */
export interface LabelQuality {
  /** The class's number. */
  readonly label: number;
  /** Pixels that belong to it. */
  readonly pixels: number;
  /** Intersection over union; null if the class neither occurs nor is predicted. */
  readonly iou: number | null;
  /** Share of its pixels that were recognised; null if it has none. */
  readonly accuracy: number | null;
}

/** Qualities in [0, 1], under mmsegmentation's names. */
export interface SegmentationQuality {
  /** Mean of the classes' intersections over unions. */
  readonly mIoU: number;
  /** Share of the labelled pixels that are correct. */
  readonly aAcc: number;
  /** Mean of the classes' accuracies. */
  readonly mAcc: number;
  readonly labels: readonly LabelQuality[];
}

/** Counts pixels over many images. */
export class PixelCounts {
  readonly #classes: number;
  /** Pixels of a class (row) that were classified as another (column). */
  readonly #confusion: Float64Array;

  constructor(classes: number) {
    this.#classes = classes;
    this.#confusion = new Float64Array(classes * classes);
  }

  /** Adds an image; pixels without a label are ignored. */
  add(predicted: LabelMap, labels: LabelMap): void {
    for (const [pixel, label] of labels.data.entries()) {
      if (label === ignoredLabel) continue;
      this.#confusion[label * this.#classes + predicted.data[pixel]]++;
    }
  }

  /** Adds what the other ranks have counted; all must call it. */
  async sumOver(communicator: Communicator): Promise<void> {
    if (communicator.size === 1) return;
    const all = await communicator.gather(new Uint8Array(this.#confusion.buffer));
    this.#confusion.fill(0);
    for (const bytes of all) {
      const counts = new Float64Array(bytes.buffer);
      for (const [cell, count] of counts.entries()) this.#confusion[cell] += count;
    }
  }

  /** Pixels by true class (row) and predicted class (column). */
  get confusion(): number[][] {
    return Array.from({ length: this.#classes }, (_, label) => {
      return [...this.#confusion.subarray(label * this.#classes, (label + 1) * this.#classes)];
    });
  }

  /** The qualities that follow from the counts. */
  get quality(): SegmentationQuality {
    const classes = Array.from({ length: this.#classes }, (_, label) => label);
    const at = (label: number, other: number) => this.#confusion[label * this.#classes + other];
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const labels = classes.map((label): LabelQuality => {
      const pixels = sum(classes.map((other) => at(label, other)));
      const taken = sum(classes.map((other) => at(other, label)));
      const hits = at(label, label);
      const union = pixels + taken - hits;
      return {
        label,
        pixels,
        iou: union === 0 ? null : hits / union,
        accuracy: pixels === 0 ? null : hits / pixels,
      };
    });
    const mean = (values: readonly (number | null)[]) => {
      const known = values.filter((value) => value !== null);
      return known.length === 0 ? 0 : sum(known) / known.length;
    };
    const all = sum([...this.#confusion]);
    return {
      mIoU: mean(labels.map(({ iou }) => iou)),
      aAcc: all === 0 ? 0 : sum(classes.map((label) => at(label, label))) / all,
      mAcc: mean(labels.map(({ accuracy }) => accuracy)),
      labels,
    };
  }
}
