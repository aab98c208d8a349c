/**
 * One pass over the images of a data set: what each is, in a few bytes.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import { createImageDecoder, type ImageDecoder } from "../../data/images/decode.ts";
import { perceptualHash, thumbprint, thumbprintBytes } from "../../data/images/perceptual_hash.ts";
import type { Source } from "../../data/sources/source.ts";
import type { Prints } from "./near_duplicates.ts";

/** A part of the data set: `train`, `val`, or all of it. */
export interface Part {
  readonly name: string;
  readonly source: Source;
}

/** What is known about all images, one split after another. 68 bytes per image. */
export interface Examined extends Prints {
  readonly widths: Uint32Array;
  readonly heights: Uint32Array;
  /** The first 64 bits of each file's SHA-256, as two words. */
  readonly digests: Uint32Array;
  readonly unreadable: readonly { readonly index: number; readonly reason: string }[];
}

/** How to read. */
export interface ExamineOptions {
  readonly exif: boolean;
  readonly maxPixels?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Files that are read and decoded in parallel. */
const inFlight = 8;

/** The split of an image, and its position in it. */
export function placeOf(parts: readonly Part[], index: number): { part: number; at: number } {
  let at = index;
  for (const [part, { source }] of parts.entries()) {
    if (at < source.length) return { part, at };
    at -= source.length;
  }
  throw new RangeError(`Cannot find image ${index}`);
}

/** Examines all images, or those before the signal ended it. */
export async function examine(
  parts: readonly Part[],
  { exif, maxPixels, signal, onProgress = () => {} }: ExamineOptions,
): Promise<Examined> {
  const count = parts.reduce((sum, { source }) => sum + source.length, 0);
  const found = {
    count,
    hashes: new Uint32Array(count * 2),
    thumbprints: new Uint8Array(count * thumbprintBytes),
    isKnown: new Uint8Array(count),
    widths: new Uint32Array(count),
    heights: new Uint32Array(count),
    digests: new Uint32Array(count * 2),
    unreadable: [] as { index: number; reason: string }[],
  };
  const decoder: ImageDecoder = await createImageDecoder();
  const decoding = { exif, ...(maxPixels === undefined ? {} : { maxPixels }) };
  const one = async (index: number) => {
    const { part, at } = placeOf(parts, index);
    const { source } = parts[part];
    const { id } = source.entry(at);
    try {
      const bytes = await source.read(at);
      const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
      found.digests.set(new Uint32Array(digest, 0, 2), index * 2);
      const image = await decoder.decode(bytes, id, decoding);
      const hash = perceptualHash(image);
      found.hashes[index * 2] = Number(hash >> 32n);
      found.hashes[index * 2 + 1] = Number(hash & 0xffffffffn);
      found.thumbprints.set(thumbprint(image), index * thumbprintBytes);
      found.widths[index] = image.width;
      found.heights[index] = image.height;
      found.isKnown[index] = 1;
    } catch (error) {
      const reason = messageOf(error).replace(/^Cannot decode image "[\s\S]*?": /, "");
      found.unreadable.push({ index, reason: reason.split("\n")[0] });
    }
  };
  let [next, done] = [0, 0];
  const work = async () => {
    while (next < count && !signal?.aborted) {
      await one(next++);
      onProgress(++done, count);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  found.unreadable.sort((a, b) => a.index - b.index);
  return found;
}
