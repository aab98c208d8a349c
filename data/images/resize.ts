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

/** Addresses of one axis' table in the loops' memory. */
interface Placed {
  readonly table: Coefficients;
  readonly offsets: number;
  readonly pairs: number;
  readonly weights: number;
}

function reserveTable(memory: PixelMemory, table: Coefficients): Placed {
  return {
    table,
    offsets: memory.reserve(table.offsets.byteLength),
    pairs: memory.reserve(table.pairs.byteLength),
    weights: memory.reserve(table.weights.byteLength),
  };
}

function writeTable({ buffer }: Uint8Array, { table, offsets, pairs, weights }: Placed): void {
  new Int32Array(buffer, offsets).set(table.offsets);
  new Int32Array(buffer, pairs).set(table.pairs);
  new Int16Array(buffer, weights).set(table.weights);
}

/** Both passes, in the loops' memory. */
function resample(image: RgbImage, width: number, height: number, filter: PillowFilter): RgbImage {
  const rowBytes = width * 3;
  const hasRows = width !== image.width;
  const hasColumns = height !== image.height;
  const memory = new PixelMemory();
  const source = memory.reserve(image.data.length);
  const between = hasRows ? memory.reserve(rowBytes * image.height) : source;
  // Right behind the rows that are read: the last of an odd number is paired with whatever follows.
  const result = hasColumns ? memory.reserve(rowBytes * height) : between;
  const across = hasRows ? reserveTable(memory, coefficients(image.width, width, filter)) : null;
  const down = hasColumns ? reserveTable(memory, coefficients(image.height, height, filter)) : null;
  const bytes = memory.bytes();
  const { resizeRows, resizeColumn } = pixelLoops();
  bytes.set(image.data, source);
  if (across !== null) {
    writeTable(bytes, across);
    const { offsets, pairs, weights, table: { stride } } = across;
    const fromBytes = image.width * 3;
    const table4 = [offsets, pairs, weights, stride * 2] as const;
    // Four rows at a time; the last four may overlap the ones before, and of fewer than four each is alone.
    const [step, fromStep, toStep] = image.height < 4 ? [1, 0, 0] : [4, fromBytes, rowBytes];
    for (let next = 0; next < image.height; next += step) {
      const y = Math.min(next, image.height - step);
      const [from, to] = [source + y * fromBytes, between + y * rowBytes];
      resizeRows(from, fromStep, to, toStep, width, ...table4);
    }
  }
  if (down !== null) {
    writeTable(bytes, down);
    const { weights, table: { starts, pairs, stride } } = down;
    for (let y = 0; y < height; y++) {
      const [from, to] = [between + starts[y] * rowBytes, result + y * rowBytes];
      resizeColumn(from, to, rowBytes, pairs[y], weights + y * stride * 2);
    }
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
  if (width === image.width && height === image.height) return image;
  return resample(image, width, height, interpolation);
}
