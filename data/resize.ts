/**
 * Resampling that equals Pillow's `Image.resize` bit for bit, in two passes of fixed-point
 * arithmetic: rows first, then columns, 8 bits between them.
 *
 * libvips, the canvas of browsers and torchvision's tensor path round or filter otherwise and differ
 * by up to 69 levels when enlarging; the reference recipes resize with Pillow.
 *
 * @module
 */
import { areaResize } from "./_area_resize.ts";
import { type Coefficients, coefficients } from "./_coefficients.ts";
import type { RgbImage } from "./image.ts";

/**
 * How to resample: Pillow's filters by name, or `area`, OpenCV's `INTER_AREA`, which is what
 * mmselfsup's "bicubic" really computes in its two-picture crop (cv2 reads Pillow's 3 as its own).
 */
export type Interpolation = "bicubic" | "lanczos" | "bilinear" | "box" | "hamming" | "area";

/** The size to make and how. */
export interface ResizeOptions {
  /** Columns of the result. */
  readonly width: number;
  /** Rows of the result. */
  readonly height: number;
  /** The filter; `bicubic` if left out. */
  readonly interpolation?: Interpolation;
}

/** Half a unit of the 22 fractional bits, so that the shift rounds. */
const half = 1 << 21;

function resizeRows(image: RgbImage, width: number, table: Coefficients): RgbImage {
  const { data: source, height } = image;
  const { starts, lengths, stride, weights } = table;
  const result = new Uint8ClampedArray(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = y * image.width * 3;
    for (let x = 0; x < width; x++, to += 3) {
      const first = x * stride;
      const last = first + lengths[x];
      let red = half, green = half, blue = half;
      let p = row + starts[x] * 3;
      for (let i = first; i < last; i++, p += 3) {
        const weight = weights[i];
        red = (red + Math.imul(weight, source[p])) | 0;
        green = (green + Math.imul(weight, source[p + 1])) | 0;
        blue = (blue + Math.imul(weight, source[p + 2])) | 0;
      }
      result[to] = red >> 22;
      result[to + 1] = green >> 22;
      result[to + 2] = blue >> 22;
    }
  }
  return { width, height, data: new Uint8Array(result.buffer) };
}

function resizeColumns(image: RgbImage, height: number, table: Coefficients): RgbImage {
  const { data: source, width } = image;
  const { starts, lengths, stride, weights } = table;
  const rowBytes = width * 3;
  const result = new Uint8ClampedArray(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const first = y * stride;
    const last = first + lengths[y];
    const from = starts[y] * rowBytes;
    const to = y * rowBytes;
    for (let x = 0; x < rowBytes; x += 3) {
      let a = half, b = half, c = half;
      let p = from + x;
      for (let i = first; i < last; i++, p += rowBytes) {
        const weight = weights[i];
        a = (a + Math.imul(weight, source[p])) | 0;
        b = (b + Math.imul(weight, source[p + 1])) | 0;
        c = (c + Math.imul(weight, source[p + 2])) | 0;
      }
      result[to + x] = a >> 22;
      result[to + x + 1] = b >> 22;
      result[to + x + 2] = c >> 22;
    }
  }
  return { width, height, data: new Uint8Array(result.buffer) };
}

/**
 * Resizes a picture as Pillow 9 does; an axis whose size stays is left untouched. To resize a part,
 * crop first: no pixel outside the crop may count.
 *
 * @example A grey picture stays grey
 * ```ts
 * import { resize } from "./resize.ts";
 * const grey = { width: 5, height: 4, data: new Uint8Array(60).fill(128) };
 * const large = resize(grey, { width: 32, height: 32, interpolation: "lanczos" });
 * if (large.data.length !== 3072 || large.data.some((v) => v !== 128)) throw new Error();
 * ```
 */
export function resize(image: RgbImage, options: ResizeOptions): RgbImage {
  const { width, height, interpolation = "bicubic" } = options;
  if (interpolation === "area") return areaResize(image, width, height);
  let result = image;
  if (width !== result.width) {
    result = resizeRows(result, width, coefficients(result.width, width, interpolation));
  }
  if (height !== result.height) {
    result = resizeColumns(result, height, coefficients(result.height, height, interpolation));
  }
  return result;
}
