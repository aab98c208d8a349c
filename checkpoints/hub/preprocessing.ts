/**
 * How images are preprocessed for a published model, according to timm's and Hugging Face's
 * configs.
 *
 * @module
 */

/** Pillow's filters under timm's names. */
export type ResizeFilter = "lanczos" | "bilinear" | "bicubic" | "box" | "hamming";

/** The preprocessing of test images. */
export interface Preprocessing {
  /** For values in [0, 1]; red, green, blue. */
  readonly mean: readonly [number, number, number];
  /** Per channel, like the mean. */
  readonly standardDeviation: readonly [number, number, number];
  /** Share of the resized image's side that the centre crop keeps. */
  readonly cropShare: number;
  /** The filter for resizing. */
  readonly interpolation: ResizeFilter;
  /** Both sides are resized to the same length, whatever their ratio; by default, the shorter one. */
  readonly squashes?: boolean;
}

/** ImageNet's statistics and BEiT v2's crop: .9 for base, .95 for large (SPEC g.1). */
export function defaultPreprocessing(shape: { embedDim: number }): Preprocessing {
  return {
    mean: [0.485, 0.456, 0.406],
    standardDeviation: [0.229, 0.224, 0.225],
    cropShare: shape.embedDim >= 1024 ? 0.95 : 0.9,
    interpolation: "bicubic",
  };
}

/**
 * The crop's share of an edge, chosen so that {@link resizedEdge} gives back that edge.
 *
 * @example
 * ```ts
 * import { cropShareOf, resizedEdge } from "./preprocessing.ts";
 * for (let edge = 32; edge < 600; edge++) {
 *   if (resizedEdge(32, cropShareOf(32, edge)) !== edge) throw new Error(`${edge}`);
 * }
 * ```
 */
export function cropShareOf(size: number, edge: number): number {
  const share = size / edge;
  // A quotient rounded up would come out one pixel short.
  return resizedEdge(size, share) === edge ? share : share * (1 - 2 ** -50);
}

/** The edge that an image is resized to before a crop of `size` pixels, as timm rounds it. */
export function resizedEdge(size: number, cropShare: number): number {
  return Math.floor(size / cropShare);
}

/** A preprocessing as the text metadata of a file, under timm's keys. */
export function preprocessingMetadata(
  { mean, standardDeviation, cropShare, interpolation, squashes = false }: Preprocessing,
): Record<string, string> {
  return {
    mean: mean.join(","),
    std: standardDeviation.join(","),
    crop_pct: String(cropShare),
    ...(squashes ? { crop_mode: "squash" } : {}),
    interpolation,
  };
}
