/**
 * What pretraining does to images before a model sees them: both augmented views and the masks.
 *
 * @module
 */

import type { PretrainConfig } from "../../methods/beit/config.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Source } from "../../data/sources/source.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { maskColor, overPatches, type PictureSheet } from "../../report/picture_sheet.ts";
import type { RgbPicture } from "../../report/png.ts";
import { openLoader } from "../../pipeline/images/data_sources.ts";
import {
  evaluationTransform,
  maskOptions,
  pretrainTransform,
} from "../../pipeline/images/transforms.ts";
import { picturesOf } from "./shown_images.ts";

/** How to draw. */
export interface ViewOptions {
  readonly config: PretrainConfig;
  /** Draws per image, from as many epochs of a run. */
  readonly draws: number;
  readonly listener: RunListener;
}

/** The tokenizer's view of every sample. */
function tokenizerPictures(batch: LoadedBatch): RgbPicture[] {
  const { tokenizerPixels, tokenizerSize } = batch;
  return picturesOf({ ...batch, pixels: tokenizerPixels, imageSize: tokenizerSize });
}

/** Each image's centre, as in evaluation. */
async function plainPictures(
  source: Source,
  { config, listener }: ViewOptions,
): Promise<{ id: string; picture: RgbPicture }[]> {
  const loader = await openLoader({ ...config.data, shuffle: false, dropLast: false }, {
    source,
    transform: evaluationTransform(config.augment),
    batch: source.length,
    seed: config.seed,
  }, listener);
  try {
    const { value } = await loader.batches({ to: 1 }).next();
    const batch = value as LoadedBatch;
    return picturesOf(batch).map((picture, index) => ({ id: batch.ids[index], picture }));
  } finally {
    loader.close();
  }
}

/** Views and masks of the first epochs, as a run's workers make them. */
async function drawnBatches(
  source: Source,
  { config, draws, listener }: ViewOptions,
): Promise<LoadedBatch[]> {
  const loader = await openLoader({ ...config.data, shuffle: false, dropLast: false }, {
    source,
    transform: pretrainTransform(config.augment),
    mask: maskOptions(config),
    batch: source.length,
    seed: config.seed,
  }, listener);
  const batches: LoadedBatch[] = [];
  try {
    for await (const batch of loader.batches({ to: draws })) batches.push(batch);
  } finally {
    loader.close();
  }
  return batches;
}

/**
 * Two sheets with a row for each image. `views`: the image, then for each draw the encoder's and the
 * tokenizer's view of the same crop. `masks`: the image, then for each draw the encoder's view with its masked
 * patches in blue.
 */
export async function viewSheets(
  source: Source,
  options: ViewOptions,
): Promise<{ views: PictureSheet; masks: PictureSheet }> {
  const { config, draws } = options;
  const grid = config.model.imageSize / config.model.patchSize;
  const plain = await plainPictures(source, options);
  const batches = await drawnBatches(source, options);
  const encoder = batches.map(picturesOf);
  const tokenizer = batches.map(tokenizerPictures);
  const numbers = Array.from({ length: draws }, (_, index) => index + 1);
  const { maskedPatches } = config.mask;
  const sheet = (
    columns: readonly string[],
    picturesOf: (image: number, draw: number) => readonly RgbPicture[],
  ) => ({
    columns: ["image", ...columns],
    rows: plain.map(({ id, picture }, image) => ({
      id,
      caption: id,
      pictures: [picture, ...numbers.flatMap((number) => picturesOf(image, number - 1))],
    })),
  });
  return {
    views: {
      title: "The two views of pretraining",
      explanation: "One crop of each image, redrawn every epoch, with the same colour changes: " +
        "the encoder sees it masked, the tokenizer labels its patches.",
      ...sheet(
        numbers.flatMap((number) => [`encoder ${number}`, `tokenizer ${number}`]),
        (image, draw) => [encoder[draw][image], tokenizer[draw][image]],
      ),
      figures: {},
    },
    masks: {
      title: "Masks",
      explanation: `Masked block by block, until ${maskedPatches} of ${
        grid * grid
      } patches are masked.`,
      ...sheet(numbers.map((number) => `mask ${number}`), (image, draw) => {
        const { mask } = batches[draw];
        const isMasked = (patch: number) => mask[image * grid * grid + patch] === 1;
        return [overPatches(
          encoder[draw][image],
          grid,
          (patch) => isMasked(patch) ? { color: maskColor, share: 0.9 } : null,
        )];
      }),
      figures: { maskedShare: maskedPatches / grid ** 2 },
    },
  };
}
