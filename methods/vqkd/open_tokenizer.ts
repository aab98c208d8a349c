/**
 * A pretraining run's tokenizer: from a file, VQ-KD (frozen or drifting) or k-means of a teacher's
 * features, or k-means on the run's own pixels.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { PretrainConfig } from "../beit/config.ts";
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { imageTensor, type PatchTokenizer } from "../../pipeline/tokenize.ts";
import { openLoader } from "../../pipeline/images/data_sources.ts";
import { DriftingCodebook } from "./drifting_codebook.ts";
import { loadFrozenTokenizer, requireFit, tokenizerSize } from "./load_tokenizer.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { PixelTokenizer, type PixelTokenizerConfig } from "./pixel_tokenizer.ts";
import type { Run } from "../../pipeline/engine/method.ts";
import { pretrainTransform } from "../../pipeline/images/transforms.ts";

/** The value of `tokenizer.checkpoint` that means k-means on the pixels of the run's own images. */
export const pixelTokenizerName = "pixels";

/** Patches per code that k-means is fitted to. */
const patchesPerCode = 64;

/** What a pretraining run does with its tokenizer. */
export interface RunTokenizer {
  readonly encoder: PatchTokenizer;
  /** The same, but it never learns from what it labels: for pictures. */
  readonly onlooker: PatchTokenizer;
  /** Frozen parameters used to encode an image. */
  readonly parameterCount: number;
  /** What a checkpoint of the run must hold of it; null if the tokenizer's own file is enough. */
  readonly extra: (() => Promise<ReadonlyMap<string, NamedValues>>) | null;
  dispose(): void;
}

/** The size of the pixel tokenizer that fits a config's model. */
function pixelConfig({ model, augment }: PretrainConfig): PixelTokenizerConfig {
  const imageSize = augment.tokenizerSize;
  return {
    imageSize,
    patchSize: imageSize * model.patchSize / model.imageSize,
    codes: model.codes,
  };
}

/**
 * Checks that a config's tokenizer fits its model, without loading it.
 *
 * @returns the number of its frozen parameters
 * @throws UserError if it does not fit, or its file is missing or broken
 */
export async function checkTokenizer(
  config: PretrainConfig,
  downloads: DownloadOptions = {},
): Promise<number> {
  const { checkpoint, updatesDuringPretraining } = config.tokenizer;
  if (checkpoint !== pixelTokenizerName) {
    const { size, parameterCount } = await tokenizerSize(checkpoint, downloads);
    requireFit(size, config.model, config.augment.tokenizerSize);
    return parameterCount;
  }
  if (updatesDuringPretraining) {
    throw new UserError("Cannot update the codebook of pixels during pretraining: it is frozen", {
      hint: "give --set tokenizer.updatesDuringPretraining=false",
    });
  }
  const { imageSize, patchSize } = pixelConfig(config);
  if (!Number.isInteger(patchSize)) {
    throw new UserError(
      `Cannot divide ${imageSize} px into ${imageSize / patchSize} patches per side`,
      {
        hint: `give --set augment.tokenizerSize=${
          nearestMultiple(imageSize, imageSize / patchSize)
        }`,
      },
    );
  }
  return 0;
}

/** The multiple of a number that is closest to a size. */
function nearestMultiple(size: number, of: number): number {
  return of * Math.max(1, Math.round(size / of));
}

/**
 * Opens a run's tokenizer: a new one, or the one in the run's checkpoint.
 *
 * @throws UserError as {@link checkTokenizer}
 */
export async function openTokenizer(run: Run<PretrainConfig>): Promise<RunTokenizer> {
  const { config, on, downloads } = run;
  const { checkpoint, updatesDuringPretraining } = config.tokenizer;
  const kept = run.saved?.extra ?? null;
  const parameterCount = await checkTokenizer(config, downloads);
  if (checkpoint === pixelTokenizerName) {
    const encoder = kept === null
      ? await fitPixels(run)
      : PixelTokenizer.load(on, pixelConfig(config), kept);
    const extra = () => encoder.export();
    const dispose = () => encoder.dispose();
    return { encoder, onlooker: encoder, parameterCount, extra, dispose };
  }
  const tokenizer = await loadFrozenTokenizer(on, checkpoint, downloads);
  const dispose = () => tokenizer.dispose();
  if (!updatesDuringPretraining) {
    return { encoder: tokenizer, onlooker: tokenizer, parameterCount, extra: null, dispose };
  }
  if (!(tokenizer instanceof VqkdTokenizer)) {
    dispose();
    throw new UserError("Cannot update the codes of k-means during pretraining: they are frozen", {
      hint: "give --set tokenizer.updatesDuringPretraining=false",
    });
  }
  const encoder = new DriftingCodebook(tokenizer);
  if (kept !== null) encoder.load(on, kept);
  const extra = () => encoder.export();
  return { encoder, onlooker: tokenizer, parameterCount, extra, dispose };
}

/** k-means on patches of the run's first views. */
async function fitPixels(
  { config, on, listener, images: { source } }: Run<PretrainConfig>,
): Promise<PixelTokenizer> {
  const shape = pixelConfig(config);
  const patches = (shape.imageSize / shape.patchSize) ** 2;
  const images = Math.min(source.length, Math.ceil(shape.codes * patchesPerCode / patches));
  const batch = Math.min(images, config.batchSize);
  listener({ type: "note", message: `Fitting ${shape.codes} codes to the pixels of patches` });
  const loader = await openLoader(config.data, {
    source,
    transform: pretrainTransform(config.augment),
    batch,
    seed: config.seed,
  }, listener);
  const normalization = normalizations[config.augment.tokenizerNormalization];
  const batches: Tensor[] = [];
  try {
    for await (const loaded of loader.batches({ to: Math.ceil(images / batch) })) {
      const { tokenizerPixels, size, tokenizerSize } = loaded;
      batches.push(
        on.backend.run(() => imageTensor(tokenizerPixels, size, tokenizerSize, normalization)),
      );
    }
  } finally {
    loader.close();
  }
  const generator = Generator.from(config.seed).split("pixels");
  const tokenizer = await PixelTokenizer.fit(on, shape, batches, generator);
  tf.dispose(batches);
  return tokenizer;
}
