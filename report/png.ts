/**
 * A small PNG writer: 8-bit RGB, one filter, the platform's own deflate.
 *
 * @module
 */

import { concatBytes } from "../core/concatenate.ts";

/** A picture of RGB bytes, [height, width, 3]. */
export interface RgbPicture {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Three bytes per pixel, row by row. */
  readonly data: Uint8Array;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 of bytes, as zlib's; `sum` is that of those before them. */
export function crc32(bytes: Uint8Array, sum = 0): number {
  let crc = sum ^ 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Length, name, content and checksum. */
function chunk(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(content, 8);
  view.setUint32(content.length + 8, crc32(bytes.subarray(4, content.length + 8)));
  return bytes;
}

/** Rows preceded by the filter "up": the difference from the row above. */
function filtered({ width, height, data }: RgbPicture): Uint8Array<ArrayBuffer> {
  const stride = width * 3;
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    const to = y * (stride + 1);
    rows[to] = 2;
    for (let x = 0; x < stride; x++) {
      const above = y === 0 ? 0 : data[(y - 1) * stride + x];
      rows[to + 1 + x] = data[y * stride + x] - above;
    }
  }
  return rows;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/**
 * A picture as the bytes of a PNG file.
 *
 * @example
 * ```ts
 * import { encodePng } from "./png.ts";
 * const png = await encodePng({ width: 1, height: 1, data: Uint8Array.of(255, 0, 0) });
 * if (new TextDecoder().decode(png.subarray(1, 4)) !== "PNG") throw new Error();
 * ```
 */
export async function encodePng(picture: RgbPicture): Promise<Uint8Array<ArrayBuffer>> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, picture.width);
  view.setUint32(4, picture.height);
  // Eight bits per sample, RGB; compression, filtering and interlacing are 0.
  header.set([8, 2], 8);
  return concatBytes([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("IDAT", await deflate(filtered(picture))),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** A picture as a `data:` URL for an `<img>`. */
export async function pngAddress(picture: RgbPicture): Promise<string> {
  const bytes = await encodePng(picture);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(text)}`;
}
