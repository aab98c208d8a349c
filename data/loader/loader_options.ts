/**
 * What a loader is told, and what it gives.
 *
 * @module
 */
import type { BlockMaskOptions } from "../augment/mask.ts";
import type { Source } from "../sources/source.ts";
import type { Transform } from "../augment/transform.ts";

/** A file that was left out. */
export interface SkippedFile {
  /** Where it came from, as the source names it. */
  readonly id: string;
  /** Why, in one line. */
  readonly message: string;
}

/** What a loader does. */
export interface LoaderOptions {
  /** Where the samples come from. */
  readonly source: Source;
  /** What happens to each picture. */
  readonly transform: Transform;
  /** Masks to draw; none if left out. */
  readonly mask?: Omit<BlockMaskOptions, "choose">;
  /** Samples in a step, over all ranks. */
  readonly batch: number;
  /** Samples in one micro-batch of this rank at most; the whole share of the rank if left out. */
  readonly microBatch?: number;
  /** The run's seed. */
  readonly seed: number;
  /** Different crops of a picture, which come in turn, epoch by epoch; without end if left out. */
  readonly cropsPerImage?: number | null;
  /** `false` for the order of the source (evaluation); `true` if left out. */
  readonly isShuffled?: boolean;
  /** Leave out an epoch's last, smaller batch; `true` if left out. */
  readonly dropsLast?: boolean;
  /** This process among several (0 if left out) … */
  readonly rank?: number;
  /** … and their number (1 if left out). */
  readonly ranks?: number;
  /** Leave out what `microBatchesOf` repeats for ranks without samples; `false` if left out. */
  readonly isOncePerSample?: boolean;
  /** Processes that share this one's processors, for the number of workers; 1 if left out. */
  readonly coreSharers?: number;
  /** Workers; 0 for the main thread; `auto` (the default): one less than there are cores, at most 8. */
  readonly workers?: number | "auto";
  /** Micro-batches made ahead of the one in use; 2 if left out. */
  readonly prefetch?: number;
  /** Which decoder; `auto` if left out. */
  readonly decoder?: "auto" | "native" | "portable";
  /** Turn pictures by their EXIF tag, as mmselfsup does; `false` if left out. */
  readonly exif?: boolean;
  /** Pixels of an image at most, others are unreadable; 178 956 970 if left out, as Pillow has it. */
  readonly maxPixels?: number;
  /** Memory for decoded pictures, used where the whole data set may fit; 128 MiB if left out. */
  readonly cacheBytes?: number;
  /**
   * What happens at a file that cannot be read or decoded: `raise` an error (the default), or `skip`
   * it and take the next sample of the epoch in its place.
   */
  readonly onError?: "raise" | "skip";
  /** Files that may be skipped before the loader gives up; 100 if left out. */
  readonly maxSkipped?: number;
  /** Hears of each skipped file, once. */
  readonly onSkip?: (file: SkippedFile) => void;
  /** Hears of what the user should know, such as why there are no workers. */
  readonly onNote?: (note: string) => void;
}

/** One micro-batch. */
export interface LoadedBatch {
  /** Samples in it. */
  readonly size: number;
  /** The student's view, RGB bytes [B, S, S, 3]. */
  readonly pixels: Uint8Array;
  /** S. */
  readonly imageSize: number;
  /** The tokenizer's view [B, T, T, 3]; `pixels` itself where both are equal. */
  readonly tokenizerPixels: Uint8Array;
  /** T. */
  readonly tokenizerSize: number;
  /** 1 where a patch is masked [B, N]; empty without masks. */
  readonly mask: Uint8Array;
  /** Class of each pixel [B, S, S], 255 where it does not count; empty but for segmentation. */
  readonly labelMaps: Uint8Array;
  /** Class of each sample, −1 if none. */
  readonly labels: Int32Array;
  /** Where each sample came from. */
  readonly ids: readonly string[];
  /** Index of each sample in the source. */
  readonly indices: Uint32Array;
  /** The optimizer step that it belongs to, from 0 … */
  readonly step: number;
  /** … and which of the step's micro-batches it is. */
  readonly microBatch: number;
  /** Micro-batches in the step. */
  readonly microBatches: number;
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Position of its first sample in the order of the epoch. */
  readonly position: number;
  /** Time that its stages took, summed over the workers. */
  readonly seconds: Readonly<Record<string, number>>;
}
