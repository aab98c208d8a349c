/**
 * Resampling that matches Pillow's `Image.resize` bit for bit, in two passes of fixed-point arithmetic: rows
 * first, then columns, with 8 bits between them.
 *
 * libvips, browser canvases and torchvision's tensor path round or filter differently, by up to 69 levels when
 * enlarging; the reference recipes resize with Pillow.
 *
 * @module
 */
import { areaResize } from "./area_resize.ts";
import { type Coefficients, coefficients, type PillowFilter } from "./coefficients.ts";
import { pixelLoops, PixelMemory } from "./pixels.ts";
import type { RgbImage } from "./image.ts";

/**
 * How to resample: Pillow's filters by name, or `area`, OpenCV's `INTER_AREA`, which is what
 * mmselfsup's "bicubic" actually computes in its two-picture crop (cv2 reads Pillow's 3 as its
 * own).
 */
export type Interpolation = PillowFilter | "area";

/** The target size and how to resample. */
export interface ResizeOptions {
  /** Columns of the result. */
  readonly width: number;
  /** Rows of the result. */
  readonly height: number;
  /** The filter; default: `bicubic`. */
  readonly interpolation?: Interpolation;
}

function resizeRows(image: RgbImage, width: number, table: Coefficients): RgbImage {
  const { height } = image;
  const { offsets, lengths, stride, weights } = table;
  const area = new PixelMemory();
  const source = area.reserve(image.data.length);
  const result = area.reserve(width * height * 3);
  const offsetsAt = area.reserve(offsets.byteLength);
  const lengthsAt = area.reserve(lengths.byteLength);
  const weightsAt = area.reserve(weights.byteLength);
  const bytes = area.bytes();
  bytes.set(image.data, source);
  new Int32Array(bytes.buffer, offsetsAt).set(offsets);
  new Int32Array(bytes.buffer, lengthsAt).set(lengths);
  new Int32Array(bytes.buffer, weightsAt).set(weights);
  const { resizeRow } = pixelLoops();
  for (let y = 0; y < height; y++) {
    const from = source + y * image.width * 3;
    const to = result + y * width * 3;
    resizeRow(from, to, width, offsetsAt, lengthsAt, weightsAt, stride * 4);
  }
  return { width, height, data: bytes.slice(result, result + width * height * 3) };
}

function resizeColumns(image: RgbImage, height: number, table: Coefficients): RgbImage {
  const { width } = image;
  const { starts, lengths, stride, weights } = table;
  const rowBytes = width * 3;
  const area = new PixelMemory();
  const source = area.reserve(image.data.length);
  const result = area.reserve(rowBytes * height);
  const weightsAt = area.reserve(weights.byteLength);
  const bytes = area.bytes();
  bytes.set(image.data, source);
  new Int32Array(bytes.buffer, weightsAt).set(weights);
  const { resizeColumn } = pixelLoops();
  for (let y = 0; y < height; y++) {
    const from = source + starts[y] * rowBytes;
    const to = result + y * rowBytes;
    resizeColumn(from, to, rowBytes, lengths[y], weightsAt + y * stride * 4);
  }
  return { width, height, data: bytes.slice(result, result + rowBytes * height) };
}

/**
 * Resizes an image as Pillow 9 does; an axis whose size does not change is left untouched. To
 * resize a part, crop first, so that no pixel outside the crop counts.
 *
 * @example A grey image stays grey
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
