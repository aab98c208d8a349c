/**
 * Decoding with sharp. Its pixels match Pillow's for JPEG (all subsamplings, progressive) and PNG.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import { sharp } from "../../deps/sharp.ts";
import { type FileFormat, inspectJpeg } from "./sniff.ts";
import type { FormatOptions } from "./format_decoder.ts";
import type { RgbImage } from "./image.ts";

// One thread per image: the loader's workers keep the cores busy, and each image is read once.
sharp.concurrency(1);
sharp.cache(false);

/** Pillow's CMYK → RGB: (255 − C)·(255 − K) ÷ 255 with its rounding; ink profiles are ignored. */
function fromCmyk(data: Uint8Array, width: number, height: number): RgbImage {
  const result = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const light = 255 - data[pixel * 4 + 3];
    for (let channel = 0; channel < 3; channel++) {
      const product = data[pixel * 4 + channel] * light + 128;
      result[pixel * 3 + channel] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return { width, height, data: result };
}

/**
 * What libvips says about a file. It keeps its last messages for the whole process: if several threads hit
 * broken files at the same time, one of them finds none left.
 */
function reasonOf(cause: unknown): string {
  const message = messageOf(cause);
  return message === "Unknown error" ? "the file is corrupt or truncated" : message;
}

/** Decodes any format that libvips supports. */
export async function decodeWithSharp(
  bytes: Uint8Array,
  format: FileFormat,
  { exif, maxPixels }: FormatOptions,
): Promise<RgbImage> {
  const isCmyk = format === "jpeg" && inspectJpeg(bytes).components === 4;
  // `truncated` is where Pillow stops too: it ignores libjpeg's milder warnings.
  let image = sharp(bytes, {
    failOn: "truncated",
    ignoreIcc: true,
    limitInputPixels: maxPixels,
  });
  if (exif) image = image.autoOrient();
  image = isCmyk
    ? image.pipelineColourspace("cmyk").toColourspace("cmyk")
    : image.toColourspace("srgb").removeAlpha();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true }).catch((cause) => {
    throw new Error(reasonOf(cause), { cause });
  });
  const { width, height, channels } = info;
  if (channels !== (isCmyk ? 4 : 3)) throw new Error(`unexpected ${channels} channels`);
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return isCmyk ? fromCmyk(pixels, width, height) : { width, height, data: pixels };
}
