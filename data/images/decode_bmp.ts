/**
 * Windows bitmaps: 1, 4, 8, 16, 24 and 32 bits, plain and run-length encoded. The packages we tried read some
 * of them incorrectly (run lengths, 16 bits) or not at all; this matches Pillow.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import type { RgbImage } from "./image.ts";

/** Values of the header's `compression`. */
const runLength8 = 1;
const runLength4 = 2;
const bitFields = [3, 6];

interface Header {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where the pixels start. */
  readonly start: number;
  /** RGB triples. */
  readonly palette: Uint8Array;
  /** For red, green and blue, if a pixel has 16 or 32 bits. */
  readonly masks: readonly number[];
}

function readHeader(view: DataView): Header {
  const size = view.getUint32(14, true);
  const isOld = size === 12;
  const at = (offset: number) => view.getUint32(14 + offset, true);
  const height = isOld ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(isOld ? 24 : 28, true);
  const compression = isOld ? 0 : at(16);
  const start = view.getUint32(10, true);
  const hasMasks = bitFields.includes(compression);
  const usual = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  return {
    width: isOld ? view.getUint16(18, true) : view.getInt32(18, true),
    height: Math.abs(height),
    isTopDown: height < 0,
    bits,
    compression,
    start,
    palette: bits > 8 ? new Uint8Array() : readPalette(view, {
      from: 14 + size + (size === 40 && hasMasks ? 12 : 0),
      entryBytes: isOld ? 3 : 4,
      entries: (isOld ? 0 : at(32)) || 2 ** bits,
      start,
    }),
    masks: hasMasks ? [at(40), at(44), at(48)] : usual,
  };
}

function readPalette(
  view: DataView,
  place: { from: number; entryBytes: number; entries: number; start: number },
): Uint8Array {
  const { from, entryBytes, start } = place;
  const entries = Math.min(256, place.entries, Math.floor((start - from) / entryBytes));
  const palette = new Uint8Array(768);
  for (let entry = 0; entry < entries; entry++) {
    for (let channel = 0; channel < 3; channel++) {
      palette[entry * 3 + channel] = view.getUint8(from + entry * entryBytes + 2 - channel);
    }
  }
  return palette;
}

/** Decodes the run lengths to a palette index per pixel, rows from the bottom; gaps are 0. */
function expandRuns(bytes: Uint8Array, { width, height, start, compression }: Header): Uint8Array {
  const isHalf = compression === runLength4;
  const indices = new Uint8Array(width * height);
  let [x, y, at] = [0, 0, start];
  const put = (index: number) => {
    if (x < width && y < height) indices[y * width + x] = index;
    x++;
  };
  const indexAt = (from: number, pixel: number) => {
    if (!isHalf) return bytes[from + pixel];
    const pair = bytes[from + (pixel >> 1)];
    return pixel % 2 === 0 ? pair >> 4 : pair & 15;
  };
  while (at + 1 < bytes.length && y < height) {
    const [count, value] = [bytes[at], bytes[at + 1]];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) {
        put(isHalf && i % 2 === 0 ? value >> 4 : isHalf ? value & 15 : value);
      }
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      return indices;
    } else if (value === 2) {
      [x, y, at] = [x + bytes[at], y + bytes[at + 1], at + 2];
    } else {
      for (let i = 0; i < value; i++) put(indexAt(at, i));
      const length = isHalf ? Math.ceil(value / 2) : value;
      at += length + length % 2;
    }
  }
  if (y < height) throw new UserError("the file is truncated");
  return indices;
}

/** How a channel is extracted from a pixel: shift and maximum value. */
function channelOf(mask: number): { shift: number; most: number } {
  if (mask === 0) throw new UserError("the BMP header is corrupt");
  const shift = 31 - Math.clz32(mask & -mask);
  return { shift, most: mask >>> shift };
}

/** Decodes a BMP file. */
export function decodeBmp(bytes: Uint8Array): RgbImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 30) throw new UserError("the file is truncated");
  const header = readHeader(view);
  const { width, height, bits, compression, start, palette } = header;
  const isKnown = [1, 4, 8, 16, 24, 32].includes(bits) && width > 0 && height > 0;
  const isRunLength = compression === runLength8 && bits === 8 ||
    compression === runLength4 && bits === 4;
  if (!isKnown) throw new UserError("the BMP header is corrupt");
  if (!isRunLength && compression !== 0 && !bitFields.includes(compression)) {
    throw new UserError(`BMP compression ${compression} is unknown; save it uncompressed`);
  }
  const rowBytes = 4 * Math.ceil(width * bits / 32);
  if (!isRunLength && bytes.length < start + rowBytes * (height - 1) + width * bits / 8) {
    throw new UserError("the file is truncated");
  }
  const runs = isRunLength ? expandRuns(bytes, header) : null;
  const channels = header.masks.map(channelOf);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const stored = header.isTopDown ? y : height - 1 - y;
    const row = start + stored * rowBytes;
    for (let x = 0; x < width; x++) {
      const to = (y * width + x) * 3;
      if (bits === 24) {
        for (let channel = 0; channel < 3; channel++) {
          data[to + channel] = bytes[row + x * 3 + 2 - channel];
        }
      } else if (bits > 8) {
        const pixel = bits === 16
          ? view.getUint16(row + x * 2, true)
          : view.getUint32(row + x * 4, true);
        channels.forEach(({ shift, most }, channel) => {
          // Scaled to 8 bits and rounded down, as in Pillow.
          data[to + channel] = (pixel >>> shift & most) * 255 / most;
        });
      } else {
        const place = bytes[row + (x * bits >> 3)];
        const index = runs?.[stored * width + x] ??
          (place >> (8 - bits - x * bits % 8) & (1 << bits) - 1);
        data.set(palette.subarray(index * 3, index * 3 + 3), to);
      }
    }
  }
  return { width, height, data };
}
