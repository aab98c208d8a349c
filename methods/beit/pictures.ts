/**
 * Pretraining's output for a few images: mask, target codes, predicted codes, correct or not.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import type { PretrainConfig } from "./config.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Source } from "../../data/sources/source.ts";
import { type MaskedImageModel, maskedPositions } from "../../models/masked_image_model.ts";
import { encodePixels, imageTensor, type PatchTokenizer } from "../../pipeline/tokenize.ts";
import type { Context } from "../../backends/backend.ts";
import {
  dimmed,
  idColor,
  maskColor,
  overPatches,
  patchMap,
  type PictureSheet,
} from "../../report/picture_sheet.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { maskOptions, pretrainTransform } from "../../pipeline/images/transforms.ts";
import {
  type DrawPictures,
  fixedImages,
  shownOf,
} from "../../pipeline/engine/recording/fixed_images.ts";

/** What is shown. */
export interface PretrainSubject {
  readonly on: Context;
  readonly config: PretrainConfig;
  readonly source: Source;
  /** Labels images without learning from them. */
  readonly tokenizer: PatchTokenizer;
  readonly model: MaskedImageModel;
}

const [green, red] = [[0, 150, 90], [215, 40, 40]] as const;

/** Draws the pictures of a pretraining run; images are loaded on the first call. */
export function pretrainPictures(subject: PretrainSubject): DrawPictures {
  const { config, source } = subject;
  let images: LoadedBatch | null = null;
  return async () => {
    images ??= await fixedImages(source, config, {
      transform: pretrainTransform({
        ...config.augment,
        cropScale: [1, 1],
        cropRatio: [1, 1],
        flip: 0,
        jitter: { brightness: 0, contrast: 0, saturation: 0 },
      }),
      mask: maskOptions(config),
    });
    return sheetOf(images, await codesOf(subject, images), config);
  };
}

/** Codes of a batch. */
interface Codes {
  /** Of every patch, [B·N]. */
  readonly targets: Int32Array;
  /** Predicted for the masked patches, −1 for the others, [B·N]. */
  readonly predicted: Int32Array;
}

async function codesOf(
  { on, config, tokenizer, model }: PretrainSubject,
  { pixels, imageSize, tokenizerPixels, tokenizerSize, size, mask }: LoadedBatch,
): Promise<Codes> {
  const { normalization, tokenizerNormalization } = config.augment;
  const positions = maskedPositions(mask);
  const [targets, best] = on.backend.run(() =>
    tf.tidy(() => {
      const seen = { pixels: tokenizerPixels, size, imageSize: tokenizerSize };
      const images = imageTensor(pixels, size, imageSize, normalizations[normalization]);
      const { patches } = model.encode(on, images, { mask, positions, dropPath: null });
      const logits = model.logits(on, patches);
      const codes = encodePixels(
        on,
        tokenizer,
        normalizations[tokenizerNormalization],
        seen,
      );
      return [codes, tf.argMax(logits, -1)];
    })
  );
  const predicted = new Int32Array(mask.length).fill(-1);
  for (const [index, code] of (await best.data()).entries()) predicted[positions[index]] = code;
  const codes = { targets: Int32Array.from(await targets.data()), predicted };
  tf.dispose([targets, best]);
  return codes;
}

function sheetOf(
  batch: LoadedBatch,
  { targets, predicted }: Codes,
  { model }: PretrainConfig,
): PictureSheet {
  const grid = model.imageSize / model.patchSize;
  const patches = grid * grid;
  const isRight = (at: number) => predicted[at] === targets[at];
  const rows = shownOf(batch).map(({ index, id, picture }) => {
    const first = index * patches;
    const isMasked = (patch: number) => batch.mask[first + patch] === 1;
    const masked = [...Array(patches).keys()].filter(isMasked);
    const right = masked.filter((patch) => isRight(first + patch)).length;
    return {
      id,
      caption: `${id} · ${right} of ${masked.length} masked patches correct`,
      pictures: [
        picture,
        overPatches(
          picture,
          grid,
          (patch) => isMasked(patch) ? { color: maskColor, share: 0.85 } : null,
        ),
        patchMap(grid, (patch) => idColor(targets[first + patch])),
        overPatches(dimmed(picture), grid, (patch) => {
          return isMasked(patch) ? { color: idColor(predicted[first + patch]), share: 1 } : null;
        }),
        overPatches(picture, grid, (patch) => {
          if (!isMasked(patch)) return null;
          return { color: isRight(first + patch) ? green : red, share: 0.6 };
        }),
      ],
    };
  });
  const masked = [...predicted.keys()].filter((at) => predicted[at] >= 0);
  return {
    title: "Pictures of a fixed batch",
    explanation:
      "The same images and masks throughout the run, as the model sees them. Each colour " +
      "is a visual token, and blue the mask; the last column marks the masked patches whose token was predicted correctly " +
      "(green) or incorrectly (red).",
    columns: ["image", "masked", "target codes", "predicted", "right, wrong"],
    rows,
    figures: {
      accuracy: masked.filter(isRight).length / masked.length,
      targetCodes: new Set(targets).size,
      predictedCodes: new Set(masked.map((at) => predicted[at])).size,
    },
  };
}
