/**
 * The images that show a model's output in a report, the same throughout the run.
 *
 * @module
 */

import type { RunConfig } from "../../../configs/task.ts";
import { type LoadedBatch, Loader, type LoaderOptions } from "../../../data/loader/loader.ts";
import type { Source } from "../../../data/sources/source.ts";
import type { PictureSheet } from "../../../report/picture_sheet.ts";
import type { RgbPicture } from "../../../report/png.ts";

/** Draws the pictures of a run's fixed images with the current model. */
export type DrawPictures = () => Promise<PictureSheet>;

/** The images that the metrics below the curves are computed on, and those of them that are shown. */
const [drawnImages, shownImages] = [32, 8];

/**
 * The first images in the run's seeded order.
 *
 * @param transform and masks, as in the run's loader, or without their randomness
 */
export async function fixedImages(
  source: Source,
  { data, seed }: Pick<RunConfig, "data" | "seed">,
  { transform, mask }: Pick<LoaderOptions, "transform" | "mask">,
): Promise<LoadedBatch> {
  const loader = await Loader.open({
    source,
    transform,
    ...(mask === undefined ? {} : { mask }),
    batch: Math.min(drawnImages, source.length),
    seed,
    workers: 0,
    prefetch: 0,
    cacheBytes: 0,
    exif: data.exif,
    maxPixels: data.maxPixels,
    onError: "skip",
    maxSkipped: data.maxSkipped,
  });
  try {
    const { value } = await loader.batches({ to: 1 }).next();
    return value as LoadedBatch;
  } finally {
    loader.close();
  }
}

/** The images shown, with their positions in the batch. */
export function shownOf(
  { size, imageSize, pixels, ids }: LoadedBatch,
  count = shownImages,
): { index: number; id: string; picture: RgbPicture }[] {
  const bytes = 3 * imageSize ** 2;
  return Array.from({ length: Math.min(count, size) }, (_, index) => {
    const data = pixels.subarray(index * bytes, (index + 1) * bytes);
    return { index, id: ids[index], picture: { width: imageSize, height: imageSize, data } };
  });
}
