/**
 * RandAugment's operations as mmcls implements them with OpenCV (through mmcv), to within a level or two.
 *
 * @module
 */
import type { AffineMap, Fill } from "./pillow_ops.ts";
import { type RgbImage, roundHalfEven } from "../images/image.ts";

/** `cv2.addWeighted(image, factor, other, 1 − factor)` in float32, then truncated to a byte. */
function mixTruncated(image: RgbImage, factor: number, other: (i: number) => number): RgbImage {
  const data = new Uint8Array(image.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = Math.fround(image.data[i] * factor + other(i) * (1 - factor));
    data[i] = Math.min(255, Math.max(0, value));
  }
  return { width: image.width, height: image.height, data };
}

/** OpenCV's greyscale conversion: 14 fractional bits. */
function grayLevels(image: RgbImage): Uint8Array {
  const levels = new Uint8Array(image.width * image.height);
  for (let pixel = 0; pixel < levels.length; pixel++) {
    const [r, g, b] = image.data.subarray(pixel * 3, pixel * 3 + 3);
    levels[pixel] = (4899 * r + 9617 * g + 1868 * b + 8192) >> 14;
  }
  return levels;
}

/** `mmcv.adjust_color`: the blend is rounded, as `addWeighted` does on bytes. */
export function adjustColor(image: RgbImage, factor: number): RgbImage {
  const levels = grayLevels(image);
  const data = new Uint8Array(image.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = image.data[i] * factor + levels[Math.trunc(i / 3)] * (1 - factor);
    data[i] = Math.min(255, Math.max(0, roundHalfEven(Math.fround(value))));
  }
  return { width: image.width, height: image.height, data };
}

/** `mmcv.adjust_contrast`. */
export function adjustContrast(image: RgbImage, factor: number): RgbImage {
  const levels = grayLevels(image);
  const mean = roundHalfEven(levels.reduce((sum, level) => sum + level, 0) / levels.length);
  return mixTruncated(image, factor, () => mean);
}

/** `mmcv.adjust_brightness`. */
export function adjustBrightness(image: RgbImage, factor: number): RgbImage {
  return mixTruncated(image, factor, () => 0);
}

/** A position reflected at the border without repeating it (OpenCV's default border). */
const reflect = (at: number, length: number) =>
  length === 1 ? 0 : at < 0 ? -at : at >= length ? 2 * length - 2 - at : at;

/** `mmcv.adjust_sharpness`. */
export function adjustSharpness(image: RgbImage, factor: number): RgbImage {
  const { width, height, data: source } = image;
  const smoothed = new Uint8Array(source.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 4 * source[(y * width + x) * 3 + channel];
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            const pixel = reflect(y + dy, height) * width + reflect(x + dx, width);
            sum += source[pixel * 3 + channel];
          }
        }
        smoothed[(y * width + x) * 3 + channel] = roundHalfEven(sum / 13);
      }
    }
  }
  return mixTruncated(image, factor, (i) => smoothed[i]);
}

/** OpenCV's cubic weights (a = −0.75) for a fraction. */
function cubicWeights(fraction: number): [number, number, number, number] {
  const a = -0.75;
  const x = fraction + 1;
  const first = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const second = ((a + 2) * fraction - (a + 3)) * fraction * fraction + 1;
  const rest = 1 - fraction;
  const third = ((a + 2) * rest - (a + 3)) * rest * rest + 1;
  return [first, second, third, 1 - first - second - third];
}

const tables = Array.from({ length: 32 }, (_, i) => cubicWeights(i / 32));

/**
 * `cv2.warpAffine(…, INTER_CUBIC, borderValue=fill)` using the map from output to input: positions
 * are rounded to 1/32 of a pixel, and anything outside has the colour `fill`.
 */
export function warpAffine(image: RgbImage, map: AffineMap, fill: Fill): RgbImage {
  const { width, height, data: source } = image;
  const data = new Uint8Array(source.length);
  const [a, b, c, d, e, f] = map;
  const fixed = (value: number) => roundHalfEven(value * 1024);
  for (let y = 0, to = 0; y < height; y++) {
    const rowX = fixed(b * y + c) + 16;
    const rowY = fixed(e * y + f) + 16;
    for (let x = 0; x < width; x++, to += 3) {
      const px = (rowX + fixed(a * x)) >> 5;
      const py = (rowY + fixed(d * x)) >> 5;
      const weightsX = tables[px & 31], weightsY = tables[py & 31];
      const left = (px >> 5) - 1, top = (py >> 5) - 1;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let i = 0; i < 4; i++) {
          for (let j = 0; j < 4; j++) {
            const sx = left + j, sy = top + i;
            const isInside = sx >= 0 && sx < width && sy >= 0 && sy < height;
            const value = isInside ? source[(sy * width + sx) * 3 + channel] : fill[channel];
            sum += weightsY[i] * weightsX[j] * value;
          }
        }
        data[to + channel] = Math.min(255, Math.max(0, roundHalfEven(sum)));
      }
    }
  }
  return { width, height, data };
}

/** The map from output to input of `mmcv.imrotate`: clockwise about the centre of the pixel grid. */
export function rotationMap(image: RgbImage, degrees: number): AffineMap {
  const angle = degrees * Math.PI / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [cx, cy] = [(image.width - 1) / 2, (image.height - 1) / 2];
  return [cos, sin, cx - cos * cx - sin * cy, -sin, cos, cy + sin * cx - cos * cy];
}
