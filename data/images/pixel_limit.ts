/**
 * How large an image may be: the head of a small file may claim gigabytes.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { type FileFormat, inspectJpeg } from "./sniff.ts";
import { imageSize } from "./image_size.ts";

/** Pixels of an image at most, where nothing else is said: Pillow refuses the same. */
export const defaultMaxPixels = 178_956_970;

/** Pixels of an image by the head of its file, 0 where that does not say. */
function pixelsOf(bytes: Uint8Array, format: FileFormat): number {
  const size = imageSize(bytes);
  const claimed = size === undefined ? 0 : size.width * size.height;
  // Decoders take a frame that is not where it should be.
  return format === "jpeg" ? Math.max(claimed, inspectJpeg(bytes).pixels) : claimed;
}

/** Throws where the head of a file claims more pixels than `most`. */
export function requirePixels(bytes: Uint8Array, format: FileFormat, most: number): void {
  const pixels = pixelsOf(bytes, format);
  // The HEIC decoder takes no limit; the others refuse a head that says nothing, or have one.
  if (format === "heic" && pixels === 0) throw new UserError("the HEIC data does not say its size");
  if (pixels <= most) return;
  const size = imageSize(bytes);
  const sides = size === undefined ? "" : ` (${size.width} × ${size.height})`;
  throw new UserError(
    `expected at most data.maxPixels=${most} pixels, found ${pixels}${sides}`,
  );
}
