/**
 * What passes between the stages. Each type contains the previous one's fields plus what its stage
 * added, so that a user's stage can see all of it.
 *
 * @module
 */

import type { Tensor } from "../deps/tfjs.ts";

/** Which micro-batch of which step, both from 0. */
export interface StepPlace {
  /** Optimizer step. */
  readonly step: number;
  /** Micro-batch of this process within the step. */
  readonly microBatch: number;
}

/** An image file as stored. */
export interface ImageFile {
  /** Index in the source: a sample's draws are derived from it. */
  readonly index: number;
  /** Its origin, as the source names it. */
  readonly id: string;
  /** Its location, for messages; default: `id`. */
  readonly path?: string;
  /** Class; −1 if the source has none. */
  readonly label: number;
  /** The file's contents. */
  readonly bytes: Uint8Array;
  /** Why the file could not be read, if it could not; `bytes` is empty then. */
  readonly error?: string;
}

/** The image files of a micro-batch. */
export interface FileBatch {
  /** Pass over the data, from 0. */
  readonly epoch: number;
  /** One for each image, in the order of the batch. */
  readonly files: readonly ImageFile[];
  /**
   * The file to use if the one at `slot` is skipped, the `attempt`-th choice, from 1; null if none are left.
   * Default: the batch's other files in turn.
   */
  readonly replacement?: (slot: number, attempt: number) => Promise<ImageFile | null>;
}

/** Images as they leave the workers, before anything becomes a tensor. */
export interface AugmentedBatch {
  /** Images in the batch. */
  readonly size: number;
  /** The student's view: RGB bytes [B, S, S, 3]. */
  readonly pixels: Uint8Array;
  /** Pixels along a side of the student's view. */
  readonly imageSize: number;
  /**
   * The tokenizer's view of the same crops: RGB bytes [B, T, T, 3]; the same object as `pixels` if they are
   * equal.
   */
  readonly tokenizerPixels: Uint8Array;
  /** Pixels along a side of the tokenizer's view. */
  readonly tokenizerSize: number;
  /** Class of each image; −1 if the source has none. */
  readonly labels: Int32Array;
  /** Where each image came from, for messages and pictures. */
  readonly ids: readonly string[];
  /** Index of each image in the source. */
  readonly indices: Uint32Array;
  /** Pass over the data, from 0. */
  readonly epoch: number;
}

/** … with a mask for each image. */
export interface MaskedBatch extends AugmentedBatch {
  /** 1 where a patch is masked, row-major [B, N]. */
  readonly mask: Uint8Array;
}

/** … with the visual tokens that are to be predicted for the masked patches. */
export interface TokenizedBatch extends MaskedBatch {
  /** Code of every patch, int32 [B·N]. */
  readonly tokens: Tensor;
}

/** The encoder's output for a batch, with what the loss compares it to. */
export interface EncodedBatch {
  /** Masked patch tokens of the final branch, after the shared norm, [M, C]. */
  readonly patches: Tensor;
  /** The same for the aggregation branch, after the same norm; null without aggregation. */
  readonly aggregated: Tensor | null;
  /** Their positions: M rows of the patches viewed as [B·N, C]. */
  readonly positions: Int32Array;
  /** Their codes, int32 [M]. */
  readonly targets: Tensor;
}

/** A scalar to minimise and the numbers to log, all still on the device. */
export interface LossOutput {
  /** The loss, float32 []. */
  readonly loss: Tensor;
  /** Scalars, by the names used in `metrics.jsonl`. */
  readonly metrics: Readonly<Record<string, Tensor>>;
  /** Values [n] that the host turns into metrics (codes hit, …), summed over the micro-batches. */
  readonly details?: Tensor;
}

/** What `optimize` returns; the trainer reads it one step later, so as not to stall a GPU. */
export interface StepOutput extends LossOutput {
  /**
   * From the update: gradient norm, loss scale, 1 if skipped; null for all but the last micro-batch, and a
   * promise if it waits for other processes' gradients.
   */
  readonly update: Tensor | Promise<Tensor> | null;
}
