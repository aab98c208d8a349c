/**
 * Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) on batches of bytes, and their soft labels.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import type { Generator } from "../../core/generator.ts";
import type { CropBox } from "../images/image.ts";

/** How batches are mixed. */
export interface MixOptions {
  /** α of mixup's Beta(α, α); 0 disables it. Default: 0.8. */
  readonly mixup?: number;
  /** α of CutMix; 0 disables it. Default: 1. */
  readonly cutmix?: number;
  /** Probability that a batch is mixed at all; default: 1. */
  readonly probability?: number;
  /** Probability of CutMix if both are enabled; default: 0.5. */
  readonly switchProbability?: number;
  /** Pairing: a random permutation (mmselfsup) or the batch in reverse (unilm, the default). */
  readonly variant?: "unilm" | "mmselfsup";
}

/** What was drawn for one batch. */
export interface MixDraw {
  /** Weight of each image relative to its partner, after the box was clipped. */
  readonly lambda: number;
  /** The region taken from the partner (CutMix); if undefined, the whole image is blended (mixup). */
  readonly box?: CropBox;
  /** Partner of each image. */
  readonly partners: Uint32Array;
}

/** A draw from the gamma distribution of shape `a` and scale 1 (Marsaglia and Tsang 2000). */
function drawGamma(generator: Generator, a: number): number {
  if (a < 1) return drawGamma(generator, a + 1) * Math.pow(1 - generator.uniform(0, 1), 1 / a);
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  while (true) {
    const x = generator.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - generator.uniform(0, 1);
    if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** A draw from Beta(a, b). */
export function drawBeta(generator: Generator, a: number, b: number): number {
  const x = drawGamma(generator, a);
  const y = drawGamma(generator, b);
  return x + y === 0 ? 0.5 : x / (x + y);
}

/** CutMix's box for a weight: sides √(1 − λ), a uniform centre, clipped at the border. */
export function cutmixBox(generator: Generator, size: number, lambda: number): CropBox {
  const side = Math.trunc(size * Math.sqrt(1 - lambda));
  const half = Math.floor(side / 2);
  const clip = (value: number) => Math.min(size, Math.max(0, value));
  const y = generator.integer(0, size - 1);
  const x = generator.integer(0, size - 1);
  const [top, bottom] = [clip(y - half), clip(y + half)];
  const [left, right] = [clip(x - half), clip(x + half)];
  return { top, left, height: bottom - top, width: right - left };
}

/** Draws how a batch of `count` images of `size` × `size` is mixed; `undefined` if it is not. */
export function drawMix(
  generator: Generator,
  count: number,
  size: number,
  options: MixOptions = {},
): MixDraw | undefined {
  const { mixup = 0.8, cutmix = 1, probability = 1, switchProbability = 0.5 } = options;
  if (mixup <= 0 && cutmix <= 0) return undefined;
  if (generator.uniform(0, 1) >= probability) return undefined;
  const isCut = cutmix > 0 && (mixup <= 0 || generator.uniform(0, 1) < switchProbability);
  const alpha = isCut ? cutmix : mixup;
  const lambda = drawBeta(generator, alpha, alpha);
  const partners = options.variant === "mmselfsup"
    ? generator.permutation(count)
    : Uint32Array.from({ length: count }, (_, i) => count - 1 - i);
  if (!isCut) return { lambda, partners };
  const box = cutmixBox(generator, size, lambda);
  return { lambda: 1 - box.height * box.width / (size * size), box, partners };
}

/** Mixes normalised images float32 [B, 3, S, S] as drawn; returns a new array. */
export function mixImages(images: Float32Array, size: number, draw: MixDraw): Float32Array {
  const area = 3 * size * size;
  const result = images.slice();
  const { lambda, box, partners } = draw;
  for (let image = 0; image < partners.length; image++) {
    const to = image * area;
    const from = partners[image] * area;
    if (box === undefined) {
      for (let i = 0; i < area; i++) {
        result[to + i] = lambda * images[to + i] + (1 - lambda) * images[from + i];
      }
      continue;
    }
    for (let channel = 0; channel < 3; channel++) {
      for (let y = box.top; y < box.top + box.height; y++) {
        const row = (channel * size + y) * size + box.left;
        result.set(images.subarray(from + row, from + row + box.width), to + row);
      }
    }
  }
  return result;
}

/**
 * Soft labels float32 [B, classes]: mixed one-hot vectors, then smoothed: y·(1 − s) + s ÷ classes.
 *
 * @throws UserError for a label outside the classes
 *
 * @example
 * ```ts
 * import { softLabels } from "./mix.ts";
 * const labels = softLabels(Int32Array.of(0, 1), 2, {
 *   smoothing: 0,
 *   draw: { lambda: 0.75, partners: Uint32Array.of(1, 0) },
 * });
 * if (labels.join() !== "0.75,0.25,0.25,0.75") throw new Error(labels.join());
 * ```
 */
export function softLabels(
  labels: Int32Array,
  classes: number,
  options: { readonly smoothing?: number; readonly draw?: MixDraw | undefined } = {},
): Float32Array {
  const { smoothing = 0.1, draw } = options;
  const strange = labels.find((label) => label < 0 || label >= classes);
  if (strange !== undefined) {
    throw new UserError(
      `Cannot make targets of label ${strange}: the model has ${classes} classes, from 0`,
      { hint: "train on the images that it was started with, or start a new run" },
    );
  }
  const result = new Float32Array(labels.length * classes).fill(smoothing / classes);
  labels.forEach((label, image) => {
    const weight = draw?.lambda ?? 1;
    result[image * classes + label] += (1 - smoothing) * weight;
    if (draw !== undefined) {
      const partner = labels[draw.partners[image]];
      result[image * classes + partner] += (1 - smoothing) * (1 - weight);
    }
  });
  return result;
}
