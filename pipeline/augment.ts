/**
 * Files → decoded views, randomly cropped, flipped and jittered.
 *
 * @module
 */

import { Generator } from "../core/generator.ts";
import type { ImageDecoder } from "../data/images/decode.ts";
import { tokenizerSizeOf, type Transform, transformImage } from "../data/augment/transform.ts";
import type { AugmentedBatch, FileBatch } from "./batch.ts";
import type { HostStage } from "./stage.ts";

/** How views are made. */
export interface AugmentOptions {
  /** Decodes files to RGB bytes. */
  readonly decoder: ImageDecoder;
  /** Makes views of an image. */
  readonly transform: Transform;
  /** The run's seed: a sample's draws are derived from it, the epoch and the sample's index. */
  readonly seed: number;
  /** Rotate images according to their EXIF tag; default: `false`. */
  readonly exif?: boolean;
  /** Maximum number of pixels in an image; default: Pillow's limit. */
  readonly maxPixels?: number;
}

/** The stage `augment`. */
export function augment(
  { decoder, transform, seed, exif = false, maxPixels }: AugmentOptions,
): HostStage<FileBatch, AugmentedBatch> & { readonly name: "augment" } {
  const root = Generator.from(seed);
  const options = { exif, ...(maxPixels === undefined ? {} : { maxPixels }) };
  const imageSize = transform.size;
  const tokenizerSize = tokenizerSizeOf(transform);
  return {
    name: "augment",
    async run({ epoch, files }) {
      const size = files.length;
      const pixels = new Uint8Array(size * imageSize ** 2 * 3);
      let tokenizerPixels = pixels;
      for (const [slot, { bytes, id, path = id, index }] of files.entries()) {
        const image = await decoder.decode(bytes, path, options);
        const views = transformImage(image, transform, root.split("augment", epoch, index));
        pixels.set(views.student.data, slot * imageSize ** 2 * 3);
        if (views.tokenizer === views.student) continue;
        if (tokenizerPixels === pixels) {
          tokenizerPixels = new Uint8Array(size * tokenizerSize ** 2 * 3);
        }
        tokenizerPixels.set(views.tokenizer.data, slot * tokenizerSize ** 2 * 3);
      }
      return {
        size,
        pixels,
        imageSize,
        tokenizerPixels,
        tokenizerSize,
        labels: Int32Array.from(files, ({ label }) => label),
        ids: files.map(({ id }) => id),
        indices: Uint32Array.from(files, ({ index }) => index),
        epoch,
      };
    },
  };
}
