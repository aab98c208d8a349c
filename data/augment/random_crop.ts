/**
 * The random resized crop's box, and the boxes of the test transform.
 *
 * @module
 */
import type { Draws } from "../../core/generator.ts";
import { type CropBox, roundHalfEven } from "../images/image.ts";

/** The image's size and the constraints on a box. */
export interface RandomCropOptions {
  /** Columns of the image. */
  readonly width: number;
  /** Rows of the image. */
  readonly height: number;
  /** Smallest and largest share of the image's area. */
  readonly scale: readonly [number, number];
  /** Smallest and largest width ÷ height; default: [3/4, 4/3]. */
  readonly ratio?: readonly [number, number];
}

/** The largest centred box with an allowed ratio. */
function centralBox(width: number, height: number, ratio: readonly [number, number]): CropBox {
  let [w, h] = [width, height];
  if (width / height < ratio[0]) h = Math.min(height, roundHalfEven(width / ratio[0]));
  else if (width / height > ratio[1]) w = Math.min(width, roundHalfEven(height * ratio[1]));
  return {
    top: Math.floor((height - h) / 2),
    left: Math.floor((width - w) / 2),
    width: w,
    height: h,
  };
}

/**
 * Draws a box of random area and shape: ten tries, then the central one (torchvision's
 * `RandomResizedCrop.get_params` with Python's `random`, as in unilm's and mmselfsup's two-picture
 * crop; the draws have the same order).
 *
 * @example
 * ```ts
 * import { Generator } from "../../core/generator.ts";
 * import { randomCropBox } from "./random_crop.ts";
 * const box = randomCropBox(Generator.from(1), { width: 500, height: 375, scale: [0.2, 1] });
 * if (box.left + box.width > 500 || box.top + box.height > 375) throw new Error();
 * ```
 */
export function randomCropBox(draws: Draws, options: RandomCropOptions): CropBox {
  const { width, height, scale, ratio = [3 / 4, 4 / 3] } = options;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = draws.uniform(scale[0], scale[1]) * (width * height);
    const shape = Math.exp(draws.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const w = roundHalfEven(Math.sqrt(area * shape));
    const h = roundHalfEven(Math.sqrt(area / shape));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const top = draws.integer(0, height - h);
    const left = draws.integer(0, width - w);
    return { top, left, width: w, height: h };
  }
  return centralBox(width, height, ratio);
}

/** The centred square of `side`; offsets ending in a half are rounded to even (torchvision). */
export function centreBox(width: number, height: number, side: number): CropBox {
  return {
    top: roundHalfEven((height - side) / 2),
    left: roundHalfEven((width - side) / 2),
    width: side,
    height: side,
  };
}

/** The size that makes the short edge `edge` pixels; the long edge is truncated to whole pixels. */
export function shortEdgeSize(
  width: number,
  height: number,
  edge: number,
): { width: number; height: number } {
  return width <= height
    ? { width: edge, height: Math.trunc(edge * height / width) }
    : { width: Math.trunc(edge * width / height), height: edge };
}
