/** The page's pictures as models see them. @module */

import { tokenizerSizeOf, transformImage } from "../../data/augment/transform.ts";
import { sampleMask } from "../../data/augment/mask.ts";
import type { RgbImage } from "../../data/images/image.ts";
import type { Normalization } from "../../data/images/normalize.ts";
import type { Interpolation } from "../../data/images/resize.ts";
import { Generator } from "../../core/generator.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { maskOptions, pretrainTransform } from "../../pipeline/images/transforms.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import type { ShownBatch } from "../../tasks/visualize/shown_images.ts";
import type { CropView } from "./views.ts";

/** Side of the pictures under attention maps, in pixels: more than a small model sees. */
const shownSide = 224;

/** A picture's central square, at any size. */
export function squareOf(
  image: RgbImage,
  size: number,
  interpolation: Interpolation = "bicubic",
): RgbImage {
  // The test transform draws nothing.
  const transform = { kind: "test", size, edge: size, interpolation } as const;
  return transformImage(image, transform, Generator.from(0)).student;
}

/** The central squares of pictures next to each other, [B, S, S, 3]. */
export function squarePixels(
  images: readonly RgbImage[],
  size: number,
  interpolation?: Interpolation,
): Uint8Array {
  const pixels = new Uint8Array(images.length * size * size * 3);
  for (const [index, image] of images.entries()) {
    pixels.set(squareOf(image, size, interpolation).data, index * size * size * 3);
  }
  return pixels;
}

/** Pictures for the task's sheets, drawn larger than the model sees them. */
export function shownPictures(
  images: ReadonlyMap<string, RgbImage>,
  { size, normalization, interpolation }: {
    readonly size: number;
    readonly normalization: Normalization;
    readonly interpolation: Interpolation;
  },
): ShownBatch {
  const pixels = squarePixels([...images.values()], size, interpolation);
  return {
    images: Array.from(images, ([id, image]) => ({ id, picture: squareOf(image, shownSide) })),
    tensor: () => imageTensor(pixels, images.size, size, normalization),
  };
}

/** A mask of a grid with the recipe's share of masked patches. */
export function maskOf(
  config: PretrainConfig,
  grid: number,
  seed: number,
  index: number,
): Uint8Array {
  const options = maskOptions(config);
  const scale = grid * grid / (options.height * options.width);
  const scaled = (count: number) => Math.max(1, Math.round(count * scale));
  return sampleMask(Generator.from(seed), 0, index, {
    ...options,
    height: grid,
    width: grid,
    count: scaled(options.count),
    minBlock: Math.min(scaled(options.count), scaled(options.minBlock ?? 16)),
    maxBlock: scaled(options.maxBlock ?? options.count),
  });
}

/** A random crop of each picture, as the recipe takes them, with its mask. */
export function cropViews(
  images: ReadonlyMap<string, RgbImage>,
  config: PretrainConfig,
  { grid, seed }: { readonly grid: number; readonly seed: number },
): CropView[] {
  // Larger than a small model's, so that something is seen.
  const size = grid * Math.ceil(shownSide / grid / 2);
  const usual = pretrainTransform(config.augment);
  const transform = {
    ...usual,
    size,
    tokenizerSize: Math.max(1, Math.round(size * tokenizerSizeOf(usual) / usual.size)),
  };
  return Array.from(images, ([id, image], index) => ({
    id,
    ...transformImage(image, transform, Generator.from(seed).split("augment", 0, index)),
    mask: maskOf(config, grid, seed, index),
  }));
}
