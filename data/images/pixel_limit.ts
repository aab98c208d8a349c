/**
 * How large an image may be: the header of a small file may claim gigabytes.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { type FileFormat, inspectJpeg } from "./sniff.ts";
import { imageSize } from "./image_size.ts";

/** Default limit for pixels in an image: the one at which Pillow refuses. */
export const defaultMaxPixels = 178_956_970;

/** Number of pixels according to a file's header, 0 if it does not say. */
function pixelsOf(bytes: Uint8Array, format: FileFormat): number {
  const size = imageSize(bytes);
  const claimed = size === undefined ? 0 : size.width * size.height;
  // Decoders accept a frame that is not where it should be.
  return format === "jpeg" ? Math.max(claimed, inspectJpeg(bytes).pixels) : claimed;
}

/** Throws if a file's header claims more pixels than `most`. */
export function requirePixels(bytes: Uint8Array, format: FileFormat, most: number): void {
  const pixels = pixelsOf(bytes, format);
  // The HEIC decoder has no limit of its own; the others reject a header without a size, or have a
  // limit.
  if (format === "heic" && pixels === 0) throw new UserError("the HEIC data does not say its size");
  if (pixels <= most) return;
  const size = imageSize(bytes);
  const sides = size === undefined ? "" : ` (${size.width} × ${size.height})`;
  throw new UserError(
    `expected at most data.maxPixels=${most} pixels, found ${pixels}${sides}`,
  );
}
