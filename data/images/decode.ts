/**
 * Image files to RGB, like Pillow's `Image.open(f).convert("RGB")`: colour profiles are ignored, alpha is
 * dropped, palettes and greyscale are expanded. Sixteen-bit samples keep their high byte (Pillow clips 16-bit
 * greyscale to white). A truncated file is an error, never grey rows.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { decodePortableAnymap } from "./decode_anymap.ts";
import { defaultMaxPixels, requirePixels } from "./pixel_limit.ts";
import { decodeBmp } from "./decode_bmp.ts";
import type { DecodeOptions, FormatDecoder } from "./format_decoder.ts";
import { sniffFormat } from "./sniff.ts";
import type { RgbImage } from "./image.ts";

/** Decodes image files. */
export interface ImageDecoder {
  /** Which library works inside. */
  readonly name: "sharp" | "portable";
  /**
   * Decodes one file; `name` is for messages.
   *
   * @throws UserError naming the file if it is empty, truncated, too large or in an unknown format
   */
  decode(bytes: Uint8Array, name: string, options?: DecodeOptions): Promise<RgbImage>;
}

/** Permissions without which sharp cannot start; requesting them would stop a run at a prompt. */
const nativePermissions: readonly Deno.PermissionDescriptor[] = [
  { name: "ffi" },
  { name: "read" },
  { name: "env", variable: "npm_package_config_libvips" },
  { name: "env", variable: "MALLOC_ARENA_MAX" },
];

function mayUseNativeCode(): boolean {
  if (typeof Deno === "undefined") return false;
  return nativePermissions.every((wanted) =>
    Deno.permissions.querySync(wanted).state === "granted"
  );
}

async function formatDecoder(
  native: boolean | "auto",
): Promise<[ImageDecoder["name"], FormatDecoder]> {
  if (native === true || (native === "auto" && mayUseNativeCode())) {
    try {
      const { decodeWithSharp } = await import("./decode_sharp.ts");
      return ["sharp", decodeWithSharp];
    } catch (cause) {
      if (native === true) {
        throw new UserError(`Cannot start the native image decoder: ${messageOf(cause)}`, {
          hint: "grant --allow-ffi --allow-env --allow-read, or use the portable decoder",
          cause,
        });
      }
    }
  }
  const { decodePortably } = await import("./decode_portable.ts");
  return ["portable", decodePortably];
}

/**
 * A decoder: sharp (libvips) if native code is permitted and starts, otherwise WebAssembly, which supports
 * JPEG, PNG and WebP. Both give the same bytes, except that CMYK files differ by a few levels in the portable
 * one. In either case, Netpbm (P5, P6) and BMP files are read by our own code, and HEIC by libheif.
 *
 * @example
 * ```ts
 * import { createImageDecoder } from "./decode.ts";
 * const decoder = await createImageDecoder({ native: false });
 * const file = new TextEncoder().encode("P5 2 1 255\nAB");
 * const image = await decoder.decode(file, "letters.pgm");
 * if (image.data.join() !== "65,65,65,66,66,66") throw new Error();
 * ```
 */
export async function createImageDecoder(
  options: { readonly native?: boolean | "auto" } = {},
): Promise<ImageDecoder> {
  const [name, decodeFormat] = await formatDecoder(options.native ?? "auto");
  return {
    name,
    async decode(bytes, fileName, { exif = false, maxPixels = defaultMaxPixels } = {}) {
      const fail = (reason: string, cause?: unknown) =>
        new UserError(`Cannot decode image "${fileName}": ${reason}`, { cause });
      if (bytes.length === 0) throw fail("the file is empty");
      const format = sniffFormat(bytes);
      if (format === undefined) {
        throw fail(
          "expected JPEG, PNG, WebP, GIF, TIFF, AVIF, HEIC, BMP, PGM or PPM, found another format",
        );
      }
      try {
        requirePixels(bytes, format, maxPixels);
        if (format === "pnm") return decodePortableAnymap(bytes);
        if (format === "bmp") return decodeBmp(bytes);
        if (format === "heic") {
          const { decodeHeicFile } = await import("./decode_heic.ts");
          return await decodeHeicFile(bytes);
        }
        return await decodeFormat(bytes, format, { exif, maxPixels });
      } catch (cause) {
        throw fail(messageOf(cause).split("\n")[0], cause);
      }
    },
  };
}
