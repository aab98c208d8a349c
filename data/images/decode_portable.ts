/**
 * Decoding with WebAssembly (jsquash) and, for CMYK, plain JavaScript (jpeg-js).
 *
 * @module
 */
import { decodeJpeg, decodePng, decodeWebp } from "../../deps/jsquash.ts";
import { type FileFormat, inspectJpeg } from "./sniff.ts";
import type { FormatOptions } from "./format_decoder.ts";
import type { RgbImage } from "./image.ts";
import { imageSize } from "./image_size.ts";

interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

/** RGBA without the alpha channel. */
export function dropAlpha({ width, height, data }: RgbaImage): RgbImage {
  const result = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < result.length; from += 4, to += 3) {
    result[to] = data[from];
    result[to + 1] = data[from + 1];
    result[to + 2] = data[from + 2];
  }
  return { width, height, data: result };
}

/** The decoders take a whole buffer; they must not see what surrounds a view. */
function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) return buffer;
  const copy = new Uint8Array(byteLength);
  copy.set(new Uint8Array(buffer, byteOffset, byteLength));
  return copy.buffer;
}

async function decodePortableJpeg(
  bytes: Uint8Array,
  { exif, maxPixels }: FormatOptions,
): Promise<RgbImage> {
  const { components, pixels, isComplete } = inspectJpeg(bytes);
  if (pixels === 0) throw new Error("no JPEG frame");
  // The decoder itself silently fills the rest with grey.
  if (!isComplete) throw new Error("premature end of JPEG image");
  if (components === 4) {
    const { decodeJpegSlowly } = await import("../../deps/jpeg_js.ts");
    return dropAlpha(decodeJpegSlowly(bytes, {
      useTArray: true,
      maxMemoryUsageInMB: 4096,
      maxResolutionInMP: maxPixels / 1e6,
    }));
  }
  return dropAlpha(await decodeJpeg(wholeBuffer(bytes), { preserveOrientation: exif }));
}

/** Decodes JPEG, PNG and WebP. */
export async function decodePortably(
  bytes: Uint8Array,
  format: FileFormat,
  options: FormatOptions,
): Promise<RgbImage> {
  if (!["jpeg", "png", "webp"].includes(format)) {
    const name = format.toUpperCase();
    throw new Error(
      `${name} files need the native decoder, which has no permission here (--allow-ffi and ` +
        "--allow-env); convert them to PNG",
    );
  }
  try {
    if (format === "jpeg") return await decodePortableJpeg(bytes, options);
    if (imageSize(bytes) === undefined) throw new Error("no size");
    const decode = format === "png" ? decodePng : decodeWebp;
    return dropAlpha(await decode(wholeBuffer(bytes)));
  } catch (error) {
    // Emscripten throws its exit status, Rust "unwrap_throw failed": neither means anything to the user.
    if (error instanceof Error && error.message.startsWith("premature")) throw error;
    if (error instanceof Error && ["NotCapable", "PermissionDenied"].includes(error.name)) {
      throw new Error(
        "the decoder may not read its own WebAssembly file; grant --allow-read for Deno's cache too " +
          "(its DENO_DIR, as `deno info` shows it)",
        {
          cause: error,
        },
      );
    }
    throw new Error(`the ${format} data is truncated or corrupt`, { cause: error });
  }
}
