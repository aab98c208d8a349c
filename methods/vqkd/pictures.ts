/**
 * A tokenizer's output for a few images: the codes of their patches.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { TokenizerConfig } from "./config.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Source } from "../../data/sources/source.ts";
import type { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import { idColor, overPatches, patchMap, type PictureSheet } from "../../report/picture_sheet.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { evaluationTransform } from "../../pipeline/images/transforms.ts";
import {
  type DrawPictures,
  fixedImages,
  shownOf,
} from "../../pipeline/engine/recording/fixed_images.ts";

/** What is shown. */
export interface TokenizerSubject {
  readonly on: Context;
  readonly config: TokenizerConfig;
  readonly source: Source;
  readonly tokenizer: VqkdTokenizer;
}

/** Draws the pictures of tokenizer training; images are loaded on the first call. */
export function codePictures({ on, config, source, tokenizer }: TokenizerSubject): DrawPictures {
  let images: LoadedBatch | null = null;
  return async () => {
    const transform = evaluationTransform(config.augment);
    const batch = images ??= await fixedImages(source, config, { transform });
    const { pixels, size, imageSize } = batch;
    const normalization = normalizations[config.augment.normalization];
    const ids = on.backend.run(() =>
      tf.tidy(() => tokenizer.encode(on, imageTensor(pixels, size, imageSize, normalization)))
    );
    const codes = Int32Array.from(await ids.data());
    ids.dispose();
    return sheetOf(batch, codes, config.model.imageSize / config.model.patchSize);
  };
}

function sheetOf(batch: LoadedBatch, codes: Int32Array, grid: number): PictureSheet {
  const patches = grid * grid;
  return {
    title: "Pictures of a fixed batch",
    explanation:
      "The same images throughout the run with the codes of their patches: each colour is " +
      "a visual token.",
    columns: ["image", "codes", "both"],
    rows: shownOf(batch).map(({ index, id, picture }) => {
      const own = codes.subarray(index * patches, (index + 1) * patches);
      return {
        id,
        caption: `${id} · ${new Set(own).size} different ${
          new Set(own).size === 1 ? "code" : "codes"
        }`,
        pictures: [
          picture,
          patchMap(grid, (patch) => idColor(own[patch])),
          overPatches(picture, grid, (patch) => ({ color: idColor(own[patch]), share: 0.5 })),
        ],
      };
    }),
    figures: { codesInUse: new Set(codes).size },
  };
}
