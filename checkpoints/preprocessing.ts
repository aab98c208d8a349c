/**
 * How images are prepared for a published BEiT, as timm's and Hugging Face's configs say it.
 *
 * @module
 */

/** The preparation of test images. */
export interface Preprocessing {
  /** Of values in [0, 1], red, green, blue. */
  readonly mean: readonly [number, number, number];
  readonly standardDeviation: readonly [number, number, number];
  /** Share of the resized image's side that the centre crop keeps. */
  readonly cropShare: number;
  readonly interpolation: "bicubic" | "bilinear";
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
