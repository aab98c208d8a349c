/**
 * HEIC files, using a library that is downloaded with the first of them.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { decodeHeic, type HeicImage } from "../../deps/heic_decode.ts";
import { dropAlpha } from "./decode_portable.ts";
import type { RgbImage } from "./image.ts";

/** Decodes a HEIC file, applying its transformations as every viewer does. */
export async function decodeHeicFile(bytes: Uint8Array): Promise<RgbImage> {
  let image: HeicImage;
  try {
    image = await decodeHeic(bytes);
  } catch (cause) {
    const isMissing = cause instanceof TypeError && /npm|module|import/i.test(cause.message);
    throw new UserError(
      isMissing
        ? "the HEIC decoder cannot be downloaded (offline?); convert the file with " +
          "magick IN.heic OUT.jpg"
        : `the HEIC data is truncated or corrupt (${messageOf(cause).split("\n")[0]})`,
      { cause },
    );
  }
  return dropAlpha(image);
}
