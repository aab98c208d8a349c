/**
 * What the libraries that decode are told.
 *
 * @module
 */
import type { RgbImage } from "./image.ts";
import type { FileFormat } from "./sniff.ts";

/** How to decode. */
export interface DecodeOptions {
  /**
   * Turn the picture as its EXIF orientation says. mmselfsup does (OpenCV), unilm does not (Pillow);
   * `false` if left out.
   */
  readonly exif?: boolean;
  /** Pixels that the head of a file may claim; 178 956 970 if left out, which Pillow takes too. */
  readonly maxPixels?: number;
}

/** {@link DecodeOptions}, all of them. */
export type FormatOptions = Required<DecodeOptions>;

/** What a library does with the bytes of a format it knows. */
export type FormatDecoder = (
  bytes: Uint8Array,
  format: FileFormat,
  options: FormatOptions,
) => Promise<RgbImage>;
