/**
 * Files to label maps: the stored numbers are the classes.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { anymapSamples } from "../images/decode_anymap.ts";
import { defaultMaxPixels, requirePixels } from "../images/pixel_limit.ts";
import { pngSamples, type StoredSamples } from "../images/png_samples.ts";
import { sniffFormat } from "../images/sniff.ts";
import type { ImageDecoder } from "../images/decode.ts";
import { ignoredLabel, type LabelMap } from "./label_map.ts";

/** How to read a label map. */
export interface LabelOptions {
  /** For formats other than PNG and Netpbm, which have 8 bits per sample. */
  readonly decoder: ImageDecoder;
  /** Label 0 is ignored and the others are shifted down by one (ADE20K's `reduce_zero_label`). */
  readonly isReduced: boolean;
  /** Maximum number of pixels; default: Pillow's limit. */
  readonly maxPixels?: number;
}

/** What 16-bit maps use for pixels that do not count. */
const ignoredLabel16 = 65535;

async function samplesOf(
  bytes: Uint8Array,
  name: string,
  { decoder, maxPixels = defaultMaxPixels }: LabelOptions,
): Promise<StoredSamples> {
  const format = sniffFormat(bytes);
  if (format !== "png" && format !== "pnm") {
    const { width, height, data } = await decoder.decode(bytes, name, { maxPixels });
    return { width, height, channels: 3, depth: 8, samples: Uint16Array.from(data) };
  }
  try {
    requirePixels(bytes, format, maxPixels);
    return format === "png" ? await pngSamples(bytes) : anymapSamples(bytes);
  } catch (cause) {
    throw new UserError(`Cannot decode image "${name}": ${messageOf(cause)}`, { cause });
  }
}

/**
 * The class of each pixel: the grey level as stored, with any number of bits, or the palette index. 255, or
 * 65535 in 16 bits, marks pixels that do not count.
 *
 * @throws UserError for a file that cannot be decoded, for one with colours, which do not identify classes, and
 * for classes beyond 254
 */
export async function decodeLabels(
  bytes: Uint8Array,
  name: string,
  options: LabelOptions,
): Promise<LabelMap> {
  const { width, height, channels, depth, samples } = await samplesOf(bytes, name, options);
  const fail = (wanted: string, found: string) =>
    new UserError(`Cannot read labels from "${name}": expected ${wanted}, found ${found}`, {
      hint: "write the masks as 8-bit greyscale PNG files",
    });
  const data = new Uint8Array(width * height);
  for (let pixel = 0; pixel < data.length; pixel++) {
    const at = pixel * channels;
    let label = samples[at];
    if (channels > 2 && (label !== samples[at + 1] || label !== samples[at + 2])) {
      throw fail("a greyscale image whose levels are the classes", "colours");
    }
    if (depth === 16 && label === ignoredLabel16) label = ignoredLabel;
    if (label > ignoredLabel) {
      const place = `at column ${pixel % width}, row ${Math.floor(pixel / width)}`;
      throw fail(`classes up to ${ignoredLabel - 1}`, `${label} ${place}`);
    }
    // 0 becomes 255, and 255 stays.
    data[pixel] = options.isReduced
      ? (label === 0 || label === ignoredLabel ? ignoredLabel : label - 1)
      : label;
  }
  return { width, height, data };
}
