/**
 * `tokenize`: images → visual tokens.
 *
 * @module
 */

import { openImages } from "../../data/sources/image_files.ts";
import type { SourceOptions } from "../../data/sources/source_options.ts";
import type { Source } from "../../data/sources/source.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Normalization } from "../../data/images/normalize.ts";
import { encodePixels, type PatchTokenizer } from "../../pipeline/tokenize.ts";
import { batchesOf } from "../../pipeline/evaluation/collect_features.ts";
import { type TokenizerInferenceOptions, withTokenizer } from "./with_tokenizer.ts";

/** Which images, and what happens to their tokens. */
export interface TokenizeOptions extends TokenizerInferenceOptions {
  /** Image files, or a single folder or archive; or the caller's own source. */
  readonly images: readonly string[] | Source;
  /** Split of the folder or archive, such as `val`; default: `train` if there are splits. */
  readonly split?: string | undefined;
  /** Receives the tokens of each image, in the order of the source, as they become available. */
  readonly onImage?: ((image: TokenizedImage) => void) | undefined;
}

/** The tokens of an image. */
export interface TokenizedImage {
  /** Where the image came from. */
  readonly id: string;
  /** Name of its class, if the source has classes. */
  readonly class?: string;
  /** Code of each patch, row by row, [N]. */
  readonly tokens: Int32Array;
}

/** What the tokens are derived from. */
export interface TokenizeResult {
  /** The tokenizer's file or run directory. */
  readonly checkpoint: string;
  /** Number of codes: tokens are 0 … codes − 1. */
  readonly codes: number;
  /** Pixels along a side of an image as the tokenizer sees it. */
  readonly imageSize: number;
  /** Pixels along a side of a patch; each has one token. */
  readonly patchSize: number;
  /** Patches per side. */
  readonly grid: number;
  /** Number of images. */
  readonly images: number;
}

/** The ids of a batch, [B, N] row by row. */
export async function encodeBatch(
  on: Context,
  tokenizer: PatchTokenizer,
  normalization: Normalization,
  batch: LoadedBatch,
): Promise<Int32Array> {
  const ids: Tensor = on.backend.run(() =>
    tf.tidy(() => encodePixels(on, tokenizer, normalization, batch))
  );
  const values = Int32Array.from(await ids.data());
  ids.dispose();
  return values;
}

/**
 * Tokens of images: the central view of each (shorter edge to 8/7 of the tokenizer's size, then its
 * centre), always in float32.
 *
 * @throws UserError for a missing checkpoint or missing images
 *
 * @example Your own image
 * ```ts
 * import { tokenizeImages } from "./tokenize_images.ts";
 * import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
 * import { expectedTensors } from "../../checkpoints/formats/expected_tensors.ts";
 *
 * const shape = {
 *   imageSize: 8, patchSize: 4, embedDim: 8, depth: 1, heads: 2, mlpRatio: 2, codes: 5, codeDim: 3,
 *   layerScaleInitValue: 0, usesAbsolutePositions: true, decoderDepth: 0, teacherDim: 0,
 *   usesSharedRelativePositionBias: false, usesRelativePositionBias: false,
 * };
 * const checkpoint = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await writeSafetensors(checkpoint, [...expectedTensors("tokenizer", shape)].map(
 *   ([name, shape]) => {
 *     const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(0.1);
 *     return [name, { dtype: "F32", shape, data }] as const;
 *   },
 * ), { "mimic.shape": JSON.stringify(shape) });
 * const file = new TextEncoder().encode("P5 2 2 255\nABCD");
 * const { grid } = await tokenizeImages({
 *   checkpoint,
 *   backendName: "cpu",
 *   data: { workers: 0 },
 *   images: {
 *     length: 1,
 *     classes: [],
 *     entry: () => ({ id: "letters", label: -1 }),
 *     read: () => Promise.resolve(file),
 *   },
 *   onImage: ({ tokens }) => {
 *     if (tokens.length !== 4) throw new Error(String(tokens));
 *   },
 * });
 * if (grid !== 2) throw new Error();
 * await Deno.remove(checkpoint);
 * ```
 */
export async function tokenizeImages(options: TokenizeOptions): Promise<TokenizeResult> {
  const { images, split, onImage } = options;
  return await withTokenizer(options, async (inference) => {
    const { on, tokenizer, normalization, preparation, transform, batch, listener } = inference;
    const from: SourceOptions = split === undefined ? {} : { split };
    const source = "read" in images ? images : await openImages(images, from);
    const { codes, imageSize, patchSize } = tokenizer.config;
    const grid = imageSize / patchSize;
    let count = 0;
    try {
      const reading = { data: preparation.data, transform, listener, batch, what: "Tokenizing" };
      for await (const loaded of batchesOf(source, reading)) {
        const ids = await encodeBatch(on, tokenizer, normalization, loaded);
        for (const [index, id] of loaded.ids.entries()) {
          const name = source.classes[loaded.labels[index]];
          const tokens = ids.slice(index * grid ** 2, (index + 1) * grid ** 2);
          onImage?.({ id, ...(name === undefined ? {} : { class: name }), tokens });
        }
        count += loaded.size;
      }
    } finally {
      if (source !== images) source.close?.();
    }
    return { checkpoint: inference.checkpoint, codes, imageSize, patchSize, grid, images: count };
  });
}
