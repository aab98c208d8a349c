/** PNG files that tests make for themselves. */
import { crc32, deflateSync } from "node:zlib";
import { concatBytes } from "../../core/concatenate.ts";

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** What the header of a PNG says. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** 8 if left out. */
  readonly depth?: number;
  /** 0 grey (if left out), 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha. */
  readonly type?: number;
}

/** A PNG of rows as they are packed in the file, without filters; `data` in place of all rows. */
export function pngOf(
  { width, height, depth = 8, type = 0 }: PngHeader,
  rows: readonly Iterable<number>[],
  data?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, type], 8);
  const packed = data ?? deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])));
  const palette = Uint8Array.from({ length: 768 }, (_, i) => i * 7 & 255);
  return concatBytes([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    ...type === 3 ? [chunk("PLTE", palette)] : [],
    chunk("IDAT", packed),
    chunk("IEND", new Uint8Array(0)),
  ]);
}
