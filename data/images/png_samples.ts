/**
 * The samples of a PNG as stored: class numbers must be neither scaled to 8 bits nor looked up in a palette.
 *
 * Written here because `sharp` and `jsquash` scale (a 4-bit 3 becomes 51, a 16-bit 7 becomes 0) and return
 * colours for a palette, and because `fast-png` and `pngjs` decompress whatever is in the file before checking
 * its size.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { concatBytes } from "../../core/concatenate.ts";
import { inflate } from "../archives/inflate.ts";

/** An image's samples, row by row. */
export interface StoredSamples {
  readonly width: number;
  readonly height: number;
  /**
   * Samples per pixel: 1 for greyscale or a palette index, 2 for greyscale and alpha, 3 for colour, 4 with
   * alpha.
   */
  readonly channels: number;
  /** Bits per sample in the file. */
  readonly depth: number;
  readonly samples: Uint16Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly channels: number;
  readonly isInterlaced: boolean;
}

/** Samples per pixel and the allowed bit depths, by colour type. */
const colourTypes: Readonly<
  Record<number, readonly [channels: number, depths: readonly number[]]>
> = {
  0: [1, [1, 2, 4, 8, 16]],
  2: [3, [8, 16]],
  3: [1, [1, 2, 4, 8]],
  4: [2, [8, 16]],
  6: [4, [8, 16]],
};

/** First pixel and pixel spacing in x and y, for each pass of an interlaced image. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

const broken = (what: string) => new UserError(`the PNG is corrupt: ${what}`);

function readHeader(view: DataView, at: number): Header {
  const [width, height] = [view.getUint32(at), view.getUint32(at + 4)];
  const [depth, type, interlace] = [8, 9, 12].map((offset) => view.getUint8(at + offset));
  const [channels, depths] = colourTypes[type] ?? [0, []];
  if (width === 0 || height === 0 || !depths.includes(depth) || interlace > 1) {
    throw broken("its header is invalid");
  }
  return { width, height, depth, channels, isInterlaced: interlace === 1 };
}

/** Header and compressed data. */
function readChunks(bytes: Uint8Array): { header: Header; packed: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | undefined;
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const [start, end] = [at + 8, at + 8 + length];
    if (end + 4 > bytes.length) break;
    if (header === undefined) {
      if (type !== "IHDR" || length !== 13) break;
      header = readHeader(view, start);
    } else if (type === "IDAT") parts.push(bytes.subarray(start, end));
    else if (type === "IEND") {
      return { header, packed: concatBytes(parts) };
    }
    at = end + 4;
  }
  throw broken(header === undefined ? "it has no header" : "it is truncated");
}

/** Reverses a row's filter in place; `before` is the row above, zeros for the first. */
function unfilter(type: number, row: Uint8Array, before: Uint8Array, step: number): void {
  for (let i = 0; i < row.length; i++) {
    const left = i < step ? 0 : row[i - step];
    const up = before[i];
    if (type === 1) row[i] += left;
    else if (type === 2) row[i] += up;
    else if (type === 3) row[i] += left + up >> 1;
    else {
      const corner = i < step ? 0 : before[i - step];
      const [a, b, c] = [up - corner, left - corner, left + up - 2 * corner].map(Math.abs);
      row[i] += a <= b && a <= c ? left : b <= c ? up : corner;
    }
  }
}

/** Sample `index` of a row. */
function sampleAt(row: Uint8Array, index: number, depth: number): number {
  if (depth === 8) return row[index];
  if (depth === 16) return row[2 * index] << 8 | row[2 * index + 1];
  const bit = index * depth;
  return row[bit >> 3] >> 8 - depth - (bit & 7) & (1 << depth) - 1;
}

/**
 * Reads a PNG's samples.
 *
 * @throws UserError if it is corrupt
 */
export async function pngSamples(bytes: Uint8Array): Promise<StoredSamples> {
  const { header, packed } = readChunks(bytes);
  const { width, height, depth, channels, isInterlaced } = header;
  const parts = (isInterlaced ? passes : [[0, 0, 1, 1] as const]).map(([x, y, dx, dy]) => {
    const [columns, rows] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
    const rowBytes = Math.ceil(columns * channels * depth / 8);
    return { x, y, dx, dy, columns, rows: columns > 0 ? Math.max(0, rows) : 0, rowBytes };
  });
  const wanted = parts.reduce((sum, { rows, rowBytes }) => sum + rows * (rowBytes + 1), 0);
  const data = await inflate(packed, "deflate", wanted);
  if (data === null) throw broken("it holds more than its pixels");
  if (data.length < wanted) throw broken("it is truncated");
  const samples = new Uint16Array(width * height * channels);
  const step = Math.max(1, channels * depth / 8);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows, rowBytes } of parts) {
    let before: Uint8Array = new Uint8Array(rowBytes);
    for (let row = 0; row < rows; row++) {
      const type = data[at];
      const own = data.subarray(at + 1, at += 1 + rowBytes);
      if (type > 4) throw broken("a row has an unknown filter");
      if (type > 0) unfilter(type, own, before, step);
      before = own;
      const start = (y + row * dy) * width + x;
      for (let column = 0; column < columns; column++) {
        const to = (start + column * dx) * channels;
        for (let channel = 0; channel < channels; channel++) {
          samples[to + channel] = sampleAt(own, column * channels + channel, depth);
        }
      }
    }
  }
  return { width, height, channels, depth, samples };
}
