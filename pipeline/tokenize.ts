/**
 * Images → visual tokens, which are to be predicted for the masked patches.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { type Normalization, normalizeToTensorData } from "../data/images/normalize.ts";

import type { MaskedBatch, TokenizedBatch } from "./batch.ts";
import type { DeviceContext, Stage } from "./stage.ts";

/**
 * Anything that turns images into codes: a VQ-KD tokenizer, or the user's own. It records nothing
 * on the tape (see `withoutGradient`).
 */
export interface PatchTokenizer {
  /**
   * Images [B, 3, T, T] → the code of each patch, int32 [B·N], row-major.
   *
   * @param pixels the same images as RGB bytes [B, T, T, 3], for tokenizers that prepare them otherwise
   */
  encode(on: Context, images: Tensor, context?: DeviceContext, pixels?: Uint8Array): Tensor;
}

/** Images as RGB bytes. */
export interface PixelBatch {
  /** [B, T, T, 3]. */
  readonly pixels: Uint8Array;
  /** B. */
  readonly size: number;
  /** T. */
  readonly imageSize: number;
}

/** The codes of images given as bytes, int32 [B·N]. */
export function encodePixels(
  on: Context,
  tokenizer: PatchTokenizer,
  normalization: Normalization,
  { pixels, size, imageSize }: PixelBatch,
  context?: DeviceContext,
): Tensor {
  const images = imageTensor(pixels, size, imageSize, normalization);
  return tokenizer.encode(on, images, context, pixels);
}

/**
 * Bytes [B, S, S, 3] as a tensor [B, 3, S, S] of (byte − mean) ÷ std; mean and standard deviation of
 * the three channels are in bytes, 0 to 255.
 */
export function imageTensor(
  pixels: Uint8Array,
  batch: number,
  size: number,
  { mean, std }: Normalization,
): Tensor {
  return tf.tensor(normalizeToTensorData(pixels, batch, size, mean, std), [batch, 3, size, size]);
}

/**
 * The stage `tokenize`: a frozen tokenizer assigns a code to every patch.
 *
 * @param normalization of the tokenizer's view; VQ-KD was trained on [−1, 1]
 * @param stored codes that need not be computed again
 */
export function tokenize(
  tokenizer: PatchTokenizer,
  normalization: Normalization,
  stored: {
    targets(
      batch: MaskedBatch,
      upload: (codes: Int32Array) => Tensor,
      compute: () => Tensor,
    ): Tensor;
  } | null = null,
): Stage<MaskedBatch, TokenizedBatch> & { readonly name: "tokenize" } {
  return {
    name: "tokenize",
    run(batch, context) {
      const { on } = context;
      const { tokenizerPixels: pixels, size, tokenizerSize: imageSize } = batch;
      const seen = { pixels, size, imageSize };
      const compute = () => encodePixels(on, tokenizer, normalization, seen, context);
      const upload = (codes: Int32Array) => tf.tensor1d(codes, "int32");
      return { ...batch, tokens: stored?.targets(batch, upload, compute) ?? compute() };
    },
  };
}
