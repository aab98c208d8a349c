/**
 * From files to batches, in workers: the one implementation of decoding, transforming and masking for
 * the loader and for the stages `augment` and `mask`.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { defaultMaxPixels } from "../images/pixel_limit.ts";
import { BatchBuffers } from "./batch_buffers.ts";
import { DecodeCache } from "./decode_cache.ts";
import type { BatchMakerOptions, MadeBatch } from "./loader_options.ts";
import { createPool, type Pool } from "./pool.ts";
import type { ChunkResult, ProducerSettings } from "./producer.ts";
import type { SampleFile } from "./sample_file.ts";

const largestChunk = 16;

/**
 * The file at a slot of a batch (`attempt` 0), and those to use instead if it is skipped (from 1);
 * null if none are left.
 */
export type FileAt = (slot: number, attempt: number) => Promise<SampleFile | null>;

/** What a maker may know of the files. */
export interface KnownFiles {
  /** What locations without a path refer to. */
  readonly memory?: Uint8Array | undefined;
  /** Number of files, whose decoded images are kept if all of them fit; default: none is kept. */
  readonly count?: number;
}

function workerCount({ workers: wanted = "auto", coreSharers = 1 }: BatchMakerOptions): number {
  if (typeof Worker === "undefined") return 0;
  // More would only wait for each other, and thousands take minutes to start.
  const most = Math.max(16, 4 * (navigator.hardwareConcurrency ?? 2));
  if (wanted !== "auto") return Math.min(wanted, most);
  const processors = Math.floor((navigator.hardwareConcurrency ?? 2) / coreSharers);
  return Math.min(8, Math.max(1, processors - 1));
}

/**
 * Makes batches from files.
 *
 * @example The view of one image
 * ```ts
 * import { BatchMaker } from "./batch_maker.ts";
 * const maker = await BatchMaker.open({
 *   transform: { kind: "train", size: 8, scale: [1, 1] },
 *   seed: 1,
 *   workers: 0,
 * });
 * const from = new TextEncoder().encode("P5 2 2 255\nABCD");
 * const file = { index: 0, id: "letters", path: "letters.pgm", label: 0, from };
 * const { pixels } = await maker.make(0, 1, () => Promise.resolve(file));
 * maker.close();
 * if (pixels.length !== 8 * 8 * 3) throw new Error();
 * ```
 */
export class BatchMaker {
  readonly #options: BatchMakerOptions;
  readonly #pool: Pool;
  readonly #skipped = new Map<number, string>();

  private constructor(options: BatchMakerOptions, pool: Pool) {
    this.#options = options;
    this.#pool = pool;
  }

  /** Starts the workers. */
  static async open(options: BatchMakerOptions, known: KnownFiles = {}): Promise<BatchMaker> {
    const { cacheBytes = 128 * 2 ** 20 } = options;
    const workers = workerCount(options);
    const cache = known.count === undefined
      ? undefined
      : DecodeCache.create(known.count, cacheBytes);
    const settings: ProducerSettings = {
      transform: options.transform,
      mask: options.mask,
      seed: options.seed,
      cropsPerImage: options.cropsPerImage ?? null,
      exif: options.exif ?? false,
      maxPixels: options.maxPixels ?? defaultMaxPixels,
      decoder: options.decoder ?? "auto",
      memory: known.memory,
      cache: workers === 0 || cache?.isShared ? cache?.memory : undefined,
    };
    const pool = await createPool(settings, workers, (reason) => {
      options.onNote?.(
        `Data workers cannot start; images are prepared on the main thread: ${reason}`,
      );
    });
    return new BatchMaker(options, pool);
  }

  /** Different files skipped so far. */
  get skipped(): number {
    return this.#skipped.size;
  }

  /** Workers in use; 0 on the main thread. */
  get workers(): number {
    return this.#pool.workers;
  }

  /** Which library decodes. */
  get decoder(): string {
    return this.#pool.decoder;
  }

  async #produce(epoch: number, files: readonly SampleFile[]): Promise<ChunkResult> {
    return await this.#pool.run(
      files.map(({ index, path, from, annotation }) => ({
        ...{ epoch, index, path, from },
        ...(annotation === undefined ? {} : { annotation }),
      })),
    );
  }

  /** Records a file that failed, or throws if none may. */
  #skip({ index, id }: SampleFile, message: string): void {
    const { onError = "raise", maxSkipped = 100, onSkip } = this.#options;
    if (onError === "raise") {
      throw new UserError(message, { hint: "skip such files with --set data.onError=skip" });
    }
    if (this.#skipped.has(index)) return;
    this.#skipped.set(index, message);
    onSkip?.({ id, message });
    if (this.#skipped.size > maxSkipped) {
      throw new UserError(
        `Cannot continue: more than data.maxSkipped=${maxSkipped} files failed, the last: ${message}`,
        { hint: `allow more with --set data.maxSkipped=${2 * maxSkipped + 100}` },
      );
    }
  }

  /** The first file for `slot` that can be processed, with the result. */
  async #replacement(
    epoch: number,
    slot: number,
    fileAt: FileAt,
  ): Promise<[SampleFile, ChunkResult]> {
    for (let attempt = 1;; attempt++) {
      const file = await fileAt(slot, attempt);
      if (file === null) {
        throw new UserError("Cannot continue: no file of the data set can be decoded");
      }
      if (this.#skipped.has(file.index)) continue;
      const result = await this.#produce(epoch, [file]);
      if (result.failures.length === 0) return [file, result];
      this.#skip(file, result.failures[0].message);
    }
  }

  /**
   * Makes a batch of `count` samples.
   *
   * @throws UserError at a file that cannot be decoded, if `onError` is `raise`, and if too many were skipped
   */
  async make(epoch: number, count: number, fileAt: FileAt): Promise<MadeBatch> {
    const { transform, mask } = this.#options;
    const batch = new BatchBuffers(transform, mask, count);
    const workers = Math.max(1, this.#pool.workers);
    const chunk = Math.min(largestChunk, Math.ceil(count / workers));
    const files: SampleFile[] = [];
    const failures: { slot: number; message: string }[] = [];
    const makeChunk = async (first: number, end: number) => {
      const own: SampleFile[] = [];
      for (let slot = first; slot < end; slot++) own.push((await fileAt(slot, 0))!);
      const result = await this.#produce(epoch, own);
      batch.place(result, first);
      own.forEach((file, at) => files[first + at] = file);
      for (const { slot, message } of result.failures) {
        failures.push({ slot: first + slot, message });
      }
    };
    const pending: Promise<void>[] = [];
    for (let first = 0; first < count; first += chunk) {
      pending.push(makeChunk(first, Math.min(count, first + chunk)));
    }
    await Promise.all(pending);
    failures.sort((a, b) => a.slot - b.slot);
    for (const { slot, message } of failures) this.#skip(files[slot], message);
    for (const { slot } of failures) {
      const [file, result] = await this.#replacement(epoch, slot, fileAt);
      files[slot] = file;
      batch.place(result, slot);
    }
    return {
      ...batch.contents,
      size: count,
      labels: Int32Array.from(files, ({ label }) => label),
      ids: files.map(({ id }) => id),
      indices: Uint32Array.from(files, ({ index }) => index),
      epoch,
    };
  }

  /** Stops the workers. */
  close(): void {
    this.#pool.close();
  }
}
