/**
 * RandAugment's operations as timm implements them with Pillow: enhancers and affine maps.
 *
 * @module
 */
import { adjust, blendImages } from "./color_jitter.ts";
import type { RgbImage } from "../images/image.ts";

/** [a, b, c, d, e, f]: output (x, y) shows input (a·x + b·y + c, d·x + e·y + f). */
export type AffineMap = readonly [number, number, number, number, number, number];

/** A colour for what lies outside the image. */
export type Fill = readonly [number, number, number];

const cubic = (v1: number, v2: number, v3: number, v4: number, d: number) =>
  v2 + d * (-v1 + v3 + d * (2 * (v1 - v2) + v3 - v4 + d * (-v1 + v2 - v3 + v4)));

/** Pillow's bicubic filter for `transform` (not the one for `resize`): a = −1, edges repeated. */
function sampleCubic(image: RgbImage, x: number, y: number, channel: number): number {
  const { width, height, data } = image;
  const left = Math.floor(x), top = Math.floor(y);
  const dx = x - left, dy = y - top;
  const clampX = (value: number) => Math.min(width - 1, Math.max(0, value)) * 3 + channel;
  const [x0, x1, x2, x3] = [left - 1, left, left + 1, left + 2].map(clampX);
  const rowAt = (row: number) => {
    const start = row * width * 3;
    return cubic(data[start + x0], data[start + x1], data[start + x2], data[start + x3], dx);
  };
  const v1 = rowAt(Math.min(height - 1, Math.max(0, top - 1)));
  const v2 = top >= 0 && top < height ? rowAt(top) : v1;
  const v3 = top + 1 >= 0 && top + 1 < height ? rowAt(top + 1) : v2;
  const v4 = top + 2 >= 0 && top + 2 < height ? rowAt(top + 2) : v3;
  return cubic(v1, v2, v3, v4, dy);
}

/** `Image.transform(size, AFFINE, map, BICUBIC, fillcolor=fill)`. */
export function transformAffine(image: RgbImage, map: AffineMap, fill: Fill): RgbImage {
  const { width, height } = image;
  const data = new Uint8Array(image.data.length);
  const [a, b, c, d, e, f] = map;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const sx = a * (x + 0.5) + b * (y + 0.5) + c;
      const sy = d * (x + 0.5) + e * (y + 0.5) + f;
      const isInside = sx >= 0 && sx < width && sy >= 0 && sy < height;
      for (let channel = 0; channel < 3; channel++) {
        const value = isInside ? sampleCubic(image, sx - 0.5, sy - 0.5, channel) : fill[channel];
        data[to + channel] = Math.min(255, Math.max(0, value));
      }
    }
  }
  return { width, height, data };
}

const round15 = (value: number) => Number(value.toFixed(15));

/** The map of `Image.rotate`: counter-clockwise about the centre. */
export function rotationMap(image: RgbImage, degrees: number): AffineMap {
  const angle = -degrees * Math.PI / 180;
  const [cos, sin] = [round15(Math.cos(angle)), round15(Math.sin(angle))];
  const [cx, cy] = [image.width / 2, image.height / 2];
  return [cos, sin, cx - cos * cx - sin * cy, -sin, cos, cy + sin * cx - cos * cy];
}

/** `ImageEnhance.Color`, `.Contrast` or `.Brightness`. */
export function enhance(
  image: RgbImage,
  kind: "saturation" | "contrast" | "brightness",
  factor: number,
): RgbImage {
  return adjust(image, { kind, factor });
}

/** Pillow's `SMOOTH` filter: 3 × 3 with a heavy centre; the border is unchanged. */
export function smooth(image: RgbImage): RgbImage {
  const { width, height, data: source } = image;
  const data = source.slice();
  const row = width * 3;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      const sum = source[i - row - 3] + source[i - row] + source[i - row + 3] +
        source[i - 3] + 5 * source[i] + source[i + 3] +
        source[i + row - 3] + source[i + row] + source[i + row + 3];
      data[i] = Math.trunc(sum / 13 + 0.5);
    }
  }
  return { width, height, data };
}

/** `ImageEnhance.Sharpness`. */
export function sharpen(image: RgbImage, factor: number): RgbImage {
  return blendImages(smooth(image), image, factor);
}
