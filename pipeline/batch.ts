/**
 * What travels between the stages. Each type holds what the one before it held, and what its stage
 * added, so that a stage of the user's can look at all of it.
 *
 * @module
 */

import type { Tensor } from "../deps/tfjs.ts";

/** Which micro-batch of which step, both from 0. */
export interface StepPlace {
  readonly step: number;
  readonly microBatch: number;
}

/** Image files as they are stored. */
export interface FileBatch {
  /** Pass over the data, from 0. */
  readonly epoch: number;
  readonly files: readonly {
    /** Place in the source. */
    readonly index: number;
    readonly id: string;
    /** Where it lies, for messages; `id` if left out. */
    readonly path?: string;
    /** Class, −1 where the source has none. */
    readonly label: number;
    readonly bytes: Uint8Array;
  }[];
}

/** Images as they leave the workers, before anything is a tensor. */
export interface AugmentedBatch {
  /** Images in the batch. */
  readonly size: number;
  /** The student's view: RGB bytes [B, S, S, 3]. */
  readonly pixels: Uint8Array;
  /** Pixels along a side of the student's view. */
  readonly imageSize: number;
  /** The tokenizer's view of the same crops: RGB bytes [B, T, T, 3]; `pixels` itself where equal. */
  readonly tokenizerPixels: Uint8Array;
  /** Pixels along a side of the tokenizer's view. */
  readonly tokenizerSize: number;
  /** Class of each image, −1 where the source has none. */
  readonly labels: Int32Array;
  /** Where each image came from, for messages and pictures. */
  readonly ids: readonly string[];
  /** Place of each image in the source. */
  readonly indices: Uint32Array;
  /** Pass over the data, from 0. */
  readonly epoch: number;
}

/** … with a mask for each image. */
export interface MaskedBatch extends AugmentedBatch {
  /** 1 where a patch is masked, row-major [B, N]. */
  readonly mask: Uint8Array;
}

/** … with the visual tokens that the masked patches are to predict. */
export interface TokenizedBatch extends MaskedBatch {
  /** Code of every patch, int32 [B·N]. */
  readonly tokens: Tensor;
}

/** What the encoder made of a batch, with what the loss compares it to. */
export interface EncodedBatch {
  /** Masked patch tokens of the final branch, after the shared norm, [M, C]. */
  readonly patches: Tensor;
  /** Those of the aggregation branch, after the same norm; null without aggregation. */
  readonly aggregated: Tensor | null;
  /** Where they are: M rows of the patches seen as [B·N, C]. */
  readonly positions: Int32Array;
  /** Their codes, int32 [M]. */
  readonly targets: Tensor;
}

/** A scalar to minimise and the numbers to log beside it, all still on the device. */
export interface LossOutput {
  readonly loss: Tensor;
  /** Scalars by the name under which `metrics.jsonl` shows them. */
  readonly metrics: Readonly<Record<string, Tensor>>;
  /** Numbers [n] that the host makes metrics of (codes hit, …), summed over the micro-batches. */
  readonly details?: Tensor;
}

/** What `optimize` returns; the trainer reads it one step later, so that a GPU is not held up. */
export interface StepOutput extends LossOutput {
  /**
   * Of the update: gradient norm, loss scale, 1 where skipped; null for all but the last micro-batch, a
   * promise where the gradients of other processes are waited for.
   */
  readonly update: Tensor | Promise<Tensor> | null;
}
