/**
 * Options for the decoding libraries.
 *
 * @module
 */
import type { RgbImage } from "./image.ts";
import type { FileFormat } from "./sniff.ts";

/** How to decode. */
export interface DecodeOptions {
  /**
   * Rotate the image according to its EXIF orientation. mmselfsup does (OpenCV), unilm does not (Pillow);
   * default: `false`.
   */
  readonly exif?: boolean;
  /** Maximum number of pixels according to the file's header; default: 178 956 970, Pillow's limit. */
  readonly maxPixels?: number;
}

/** {@link DecodeOptions}, all of them. */
export type FormatOptions = Required<DecodeOptions>;

/** What a library does with the bytes of a format that it knows. */
export type FormatDecoder = (
  bytes: Uint8Array,
  format: FileFormat,
  options: FormatOptions,
) => Promise<RgbImage>;
