/**
 * How large an image is, from the file's header: nothing is decoded.
 *
 * @module
 */
import { sniffFormat } from "./sniff.ts";

/** Pixels per row, and rows, as stored, ignoring any EXIF orientation. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

type Read = (view: DataView, bytes: Uint8Array) => ImageSize | undefined;

const ascii = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to));

/** Start-of-frame markers: 0xC0 … 0xCF without the tables (C4, C8, CC). */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

const jpeg: Read = (view) => {
  let at = 2;
  while (at + 9 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at++;
    else if (marker === 0x01 || marker >= 0xd0 && marker <= 0xd7) at += 2;
    else if (isFrame(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else at += 2 + view.getUint16(at + 2);
  }
  return undefined;
};

const png: Read = (view) => ({ width: view.getUint32(16), height: view.getUint32(20) });

const gif: Read = (view) => ({
  width: view.getUint16(6, true),
  height: view.getUint16(8, true),
});

const webp: Read = (view, bytes) => {
  switch (ascii(bytes, 12, 16)) {
    case "VP8 ":
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
      };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: (bits >>> 14 & 0x3fff) + 1 };
    }
    case "VP8X": {
      const at = (offset: number) => view.getUint16(offset, true) + (bytes[offset + 2] << 16) + 1;
      return { width: at(24), height: at(27) };
    }
  }
  return undefined;
};

const bmp: Read = (view) =>
  view.getUint32(14, true) === 12
    ? { width: view.getUint16(18, true), height: view.getUint16(20, true) }
    : { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };

/** The first page of a TIFF. */
const tiff: Read = (view, bytes) => {
  const isLittle = bytes[0] === 0x49;
  const start = view.getUint32(4, isLittle);
  const count = view.getUint16(start, isLittle);
  const found = new Map<number, number>();
  for (let entry = 0; entry < count; entry++) {
    const at = start + 2 + entry * 12;
    const isShort = view.getUint16(at + 2, isLittle) === 3;
    const value = isShort ? view.getUint16(at + 8, isLittle) : view.getUint32(at + 8, isLittle);
    found.set(view.getUint16(at, isLittle), value);
  }
  const [width, height] = [found.get(256), found.get(257)];
  return width === undefined || height === undefined ? undefined : { width, height };
};

/** The largest of the sizes (`ispe`) of an AVIF or HEIC file's items: that of the whole image. */
const isobmff: Read = (view, bytes) => {
  let found: ImageSize | undefined;
  const end = Math.min(bytes.length - 16, 1 << 16);
  for (let at = 0; at < end; at++) {
    if (bytes[at] !== 0x69 || ascii(bytes, at, at + 4) !== "ispe") continue;
    const size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (found === undefined || size.width * size.height > found.width * found.height) found = size;
  }
  return found;
};

const anymap: Read = (_, bytes) => {
  const head = ascii(bytes, 0, 512).replaceAll(/#[^\n]*\n/g, " ");
  const match = /^P[56]\s+(\d+)\s+(\d+)/.exec(head);
  return match === null ? undefined : { width: Number(match[1]), height: Number(match[2]) };
};

const readers: Readonly<Record<string, Read>> = {
  jpeg,
  png,
  gif,
  webp,
  bmp,
  tiff,
  avif: isobmff,
  heic: isobmff,
  pnm: anymap,
};

/**
 * The size of an image file, or undefined if its format is unknown or its header is broken.
 *
 * @param bytes the file, or its beginning; for a JPEG with a large thumbnail, 64 KiB may not be enough
 *
 * @example
 * ```ts
 * import { imageSize } from "./image_size.ts";
 * const size = imageSize(new TextEncoder().encode("P5 3 2 255\nABCDEF"));
 * if (size?.width !== 3 || size.height !== 2) throw new Error();
 * ```
 */
export function imageSize(bytes: Uint8Array): ImageSize | undefined {
  const format = sniffFormat(bytes);
  if (format === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const size = readers[format](view, bytes);
    return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
  } catch (error) {
    // The header ends before its expected contents.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
