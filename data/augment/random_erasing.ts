/**
 * Random erasing (Zhong et al. 2020) as in timm and mmcls: a box filled with normal noise.
 *
 * @module
 */
import type { Generator } from "../../core/generator.ts";
import { type CropBox, type RgbImage, roundHalfEven } from "../images/image.ts";
import { imagenetNormalization, type Normalization } from "../images/normalize.ts";

/** How boxes are drawn and filled. */
export interface RandomErasingOptions {
  /** Probability that an image loses a box; default: 0.25. */
  readonly probability?: number;
  /** Smallest and largest share of the image's area; default: [0.02, 1/3]. */
  readonly area?: readonly [number, number];
  /** Smallest and largest height ÷ width; default: [0.3, 1/0.3]. */
  readonly aspect?: readonly [number, number];
  /** Mean and deviation of the noise, in byte units; default: ImageNet's. */
  readonly noise?: Normalization;
  /** How the noise is converted to whole bytes: mmcls truncates; default: to nearest. */
  readonly rounding?: "truncate" | "nearest";
}

/** Draws the box, `undefined` if the image is left unchanged or ten tries did not fit. */
export function drawErasedBox(
  generator: Generator,
  size: { readonly width: number; readonly height: number },
  options: RandomErasingOptions = {},
): CropBox | undefined {
  const { probability = 0.25, area = [0.02, 1 / 3], aspect = [0.3, 1 / 0.3] } = options;
  if (generator.uniform(0, 1) >= probability) return undefined;
  for (let attempt = 0; attempt < 10; attempt++) {
    const target = generator.uniform(area[0], area[1]) * size.width * size.height;
    const shape = Math.exp(generator.uniform(Math.log(aspect[0]), Math.log(aspect[1])));
    const height = roundHalfEven(Math.sqrt(target * shape));
    const width = roundHalfEven(Math.sqrt(target / shape));
    if (height < 1 || width < 1 || height >= size.height || width >= size.width) continue;
    const top = generator.integer(0, size.height - height);
    const left = generator.integer(0, size.width - width);
    return { top, left, height, width };
  }
  return undefined;
}

/**
 * Fills a random box of an image with noise N(mean, deviation²), clipped to the range of an image.
 *
 * unilm fills with N(0, 1) after normalisation, which corresponds to the normalisation's own mean and deviation
 * here, to the nearest byte. mmcls fills with ImageNet's before normalisation and truncates.
 */
export function eraseRandomly(
  image: RgbImage,
  generator: Generator,
  options: RandomErasingOptions = {},
): RgbImage {
  const box = drawErasedBox(generator, image, options);
  if (box === undefined) return image;
  const { mean, std } = options.noise ?? imagenetNormalization;
  const toByte = options.rounding === "truncate" ? Math.trunc : Math.round;
  const data = image.data.slice();
  for (let y = box.top; y < box.top + box.height; y++) {
    for (let x = box.left; x < box.left + box.width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = toByte(generator.normal(mean[channel], std[channel]));
        data[(y * image.width + x) * 3 + channel] = Math.min(255, Math.max(0, value));
      }
    }
  }
  return { width: image.width, height: image.height, data };
}
