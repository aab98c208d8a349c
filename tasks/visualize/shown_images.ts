/**
 * The images shown in pictures, as the model sees them.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Source } from "../../data/sources/source.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import type { RgbPicture } from "../../report/png.ts";
import type { Normalization } from "../../data/images/normalize.ts";

/** A batch that goes through the model together. */
export interface ShownBatch {
  readonly images: readonly { readonly id: string; readonly picture: RgbPicture }[];
  /** The images normalised, [B, 3, S, S]; call it inside `backend.run`. */
  tensor(): Tensor;
}

/** Images, a batch at a time. */
export interface ShownImages {
  readonly batches: readonly ShownBatch[];
}

/** The student's view of every sample in a batch, as images. */
export function picturesOf({ size, imageSize, pixels }: LoadedBatch): RgbPicture[] {
  const bytes = 3 * imageSize ** 2;
  return Array.from({ length: size }, (_, index) => {
    const data = pixels.slice(index * bytes, (index + 1) * bytes);
    return { width: imageSize, height: imageSize, data };
  });
}

/** A batch as it is shown and as the model takes it. */
export function shownBatch(
  batch: LoadedBatch,
  normalization: Normalization,
): ShownBatch {
  const pictures = picturesOf(batch);
  const pixels = batch.pixels.slice();
  const { size, imageSize } = batch;
  return {
    images: batch.ids.map((id, index) => ({ id, picture: pictures[index] })),
    tensor: () => imageTensor(pixels, size, imageSize, normalization),
  };
}

/** A source with `count` of another's images, spread evenly over it. */
export function spread(source: Source, count: number): Source {
  if (count >= source.length) return source;
  const chosen = (index: number) => Math.floor((index + 0.5) * source.length / count);
  const { memory, locate } = source;
  return {
    length: count,
    classes: source.classes,
    entry: (index) => source.entry(chosen(index)),
    read: (index) => source.read(chosen(index)),
    ...(locate === undefined ? {} : { locate: (index) => source.locate!(chosen(index)) }),
    ...(memory === undefined ? {} : { memory }),
    close: () => source.close?.(),
  };
}
