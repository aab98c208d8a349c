/**
 * What a file is, judging by its first bytes: names lie (ImageNet contains a PNG called .JPEG).
 *
 * @module
 */

/** The formats that one of our decoders supports. */
export type FileFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif" | "heic" | "bmp" | "pnm";

const ascii = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to));

/** AVIF and HEIC share a container; its brands say how the contents are encoded. */
function brandOf(bytes: Uint8Array): FileFormat {
  const length = Math.min(bytes.length, 128, bytes[2] << 8 | bytes[3]);
  return /avi[fs]/.test(ascii(bytes, 8, length)) ? "avif" : "heic";
}

/** The format of a file, `undefined` if it is not one of ours. */
export function sniffFormat(bytes: Uint8Array): FileFormat | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "jpeg";
  if (bytes[0] === 0x89 && ascii(bytes, 1, 4) === "PNG") return "png";
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WEBP") return "webp";
  if (ascii(bytes, 0, 4) === "GIF8") return "gif";
  if (["II*\0", "MM\0*"].includes(ascii(bytes, 0, 4))) return "tiff";
  if (ascii(bytes, 4, 8) === "ftyp") return brandOf(bytes);
  if (ascii(bytes, 0, 2) === "BM") return "bmp";
  if (/^P[56]\s/.test(ascii(bytes, 0, 3))) return "pnm";
  return undefined;
}

/** What the markers of a JPEG reveal before it is decoded. */
export interface JpegFacts {
  /** Colour components: 1 greyscale, 3 colour, 4 CMYK or YCCK. */
  readonly components: number;
  /** Pixels in the largest frame; 0 if there is none. */
  readonly pixels: number;
  /** Whether the end-of-image marker follows the image data. */
  readonly isComplete: boolean;
}

/** Start-of-frame markers: 0xC0 … 0xCF without the tables (C4, C8, CC). */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Walks a JPEG's markers up to its data, skipping what lies between them, as decoders do. */
export function inspectJpeg(bytes: Uint8Array): JpegFacts {
  let [components, pixels] = [0, 0];
  let at = 2;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at] === 0xff ? bytes[at + 1] : 0;
    if (marker === 0 || marker === 0xff) {
      at++;
      continue;
    }
    if (marker >= 0xd0 && marker <= 0xd8 || marker === 0x01) {
      at += 2;
      continue;
    }
    if (isFrame(marker) && at + 10 <= bytes.length) {
      components = bytes[at + 9];
      const [height, width] = [
        bytes[at + 5] << 8 | bytes[at + 6],
        bytes[at + 7] << 8 | bytes[at + 8],
      ];
      pixels = Math.max(pixels, height * width);
    }
    at += 2 + Math.max(2, bytes[at + 2] << 8 | bytes[at + 3]);
    if (marker === 0xda) break;
  }
  // Data bytes of 0xFF are followed by 0, so the first FF D9 after the tables ends the image; that
  // of an embedded thumbnail comes before them.
  for (let i = at; i + 1 < bytes.length; i++) {
    if (bytes[i] === 0xff && bytes[i + 1] === 0xd9) return { components, pixels, isComplete: true };
  }
  return { components, pixels, isComplete: false };
}
