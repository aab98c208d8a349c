/**
 * A loader's options, and its batches.
 *
 * @module
 */
import type { BlockMaskOptions } from "../augment/mask.ts";
import type { Transform } from "../augment/transform.ts";
import type { SamplePlanOptions } from "./sample_plan.ts";

/** A file that was skipped. */
export interface SkippedFile {
  /** Its origin, as the source names it. */
  readonly id: string;
  /** Why, in one line. */
  readonly message: string;
}

/** How files become batches. */
export interface BatchMakerOptions {
  /** What happens to each image. */
  readonly transform: Transform;
  /** Masks to draw; default: none. */
  readonly mask?: Omit<BlockMaskOptions, "choose">;
  /** The run's seed. */
  readonly seed: number;
  /** Different crops per image, which repeat epoch by epoch; default: unlimited. */
  readonly cropsPerImage?: number | null;
  /** Processes that share this one's processors, to determine the number of workers; default: 1. */
  readonly coreSharers?: number;
  /** Workers; 0 for the main thread; `auto` (the default): one fewer than there are cores, at most 8. */
  readonly workers?: number | "auto";
  /** Which decoder; default: `auto`. */
  readonly decoder?: "auto" | "native" | "portable";
  /** Rotate images according to their EXIF tag, as mmselfsup does; default: `false`. */
  readonly exif?: boolean;
  /**
   * Maximum number of pixels in an image, beyond which it is unreadable; default: 178 956 970, as in Pillow.
   */
  readonly maxPixels?: number;
  /** Memory for decoded images, used if the whole data set may fit; default: 128 MiB. */
  readonly cacheBytes?: number;
  /**
   * What happens with a file that cannot be read or decoded: `raise` an error (the default), or `skip` it and
   * use the epoch's next sample instead.
   */
  readonly onError?: "raise" | "skip";
  /** Files that may be skipped before the loader gives up; default: 100. */
  readonly maxSkipped?: number;
  /** Called with each skipped file, once. */
  readonly onSkip?: (file: SkippedFile) => void;
  /** Called with what the user should know, such as why there are no workers. */
  readonly onNote?: (note: string) => void;
}

/** What a loader does. */
export interface LoaderOptions extends SamplePlanOptions, BatchMakerOptions {
  /** Omit what `microBatchesOf` repeats for ranks without samples; default: `false`. */
  readonly isOncePerSample?: boolean;
  /** Micro-batches prepared ahead of the current one; default: 2. */
  readonly prefetch?: number;
}

/** What became of the files of a batch. */
export interface MadeBatch {
  /** Samples in it. */
  readonly size: number;
  /** The student's view, RGB bytes [B, S, S, 3]. */
  readonly pixels: Uint8Array;
  /** S. */
  readonly imageSize: number;
  /** The tokenizer's view [B, T, T, 3]; the same object as `pixels` if both are equal. */
  readonly tokenizerPixels: Uint8Array;
  /** T. */
  readonly tokenizerSize: number;
  /** 1 where a patch is masked [B, N]; empty without masks. */
  readonly mask: Uint8Array;
  /** Class of each pixel [B, S, S], 255 if it does not count; empty except for segmentation. */
  readonly labelMaps: Uint8Array;
  /** Class of each sample, −1 if none. */
  readonly labels: Int32Array;
  /** Where each sample came from. */
  readonly ids: readonly string[];
  /** Index of each sample in the source. */
  readonly indices: Uint32Array;
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Time taken by its stages, summed over the workers. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** One micro-batch. */
export interface LoadedBatch extends MadeBatch {
  /** The optimizer step that it belongs to, from 0 … */
  readonly step: number;
  /** … and which of the step's micro-batches it is. */
  readonly microBatch: number;
  /** Micro-batches in the step. */
  readonly microBatches: number;
  /** Position of its first sample in the epoch's order. */
  readonly position: number;
}
