/**
 * Batches from a source: read, decoded, transformed and masked ahead of the step, in workers.
 *
 * A batch's contents are a function of (seed, step) and the files: every draw comes from a
 * generator split by (epoch, sample), whichever worker makes it, however many there are.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { BatchBuffers } from "./batch_buffers.ts";
import { defaultMaxPixels } from "../images/pixel_limit.ts";
import { createPool, type Pool } from "./pool.ts";
import type { ChunkResult, ProducerSettings, SampleJob } from "./producer.ts";
import { DecodeCache } from "./decode_cache.ts";
import type { LoadedBatch, LoaderOptions } from "./loader_options.ts";
import { microBatchesOf, SampleOrder, StepPlan, type StepPosition } from "./sampler.ts";
import type { Source } from "../sources/source.ts";

export type { LoadedBatch, LoaderOptions, SkippedFile } from "./loader_options.ts";

/** One micro-batch's part of a step. */
interface Portion extends StepPosition {
  readonly step: number;
  readonly microBatch: number;
  readonly microBatches: number;
}

const largestChunk = 16;

/** A file's location, or its bytes if only the source can read it. */
async function fileOf(source: Source, index: number): Promise<Pick<SampleJob, "path" | "from">> {
  const { id, path = id } = source.entry(index);
  if (source.locate !== undefined) return { path, from: source.locate(index) };
  try {
    return { path, from: await source.read(index) };
  } catch (error) {
    return { path, from: { error: messageOf(error) } };
  }
}

function workerCount({ workers: wanted = "auto", coreSharers = 1 }: LoaderOptions): number {
  if (typeof Worker === "undefined") return 0;
  // More would only wait for each other, and thousands take minutes to start.
  const most = Math.max(16, 4 * (navigator.hardwareConcurrency ?? 2));
  if (wanted !== "auto") return Math.min(wanted, most);
  const processors = Math.floor((navigator.hardwareConcurrency ?? 2) / coreSharers);
  return Math.min(8, Math.max(1, processors - 1));
}

/**
 * Makes batches from a source.
 *
 * @example Two steps of four images
 * ```ts
 * import { Loader } from "./loader.ts";
 * const file = new TextEncoder().encode("P5 2 2 255\nABCD");
 * const loader = await Loader.open({
 *   source: {
 *     length: 9,
 *     classes: ["letters"],
 *     entry: (index) => ({ id: `${index}`, label: 0 }),
 *     read: () => Promise.resolve(file),
 *   },
 *   transform: { kind: "train", size: 8, scale: [1, 1] },
 *   mask: { height: 4, width: 4, count: 6, minBlock: 2 },
 *   batch: 4,
 *   seed: 1,
 *   workers: 0,
 * });
 * let steps = 0;
 * for await (const batch of loader.batches({ to: 2 })) {
 *   if (batch.pixels.length !== 4 * 8 * 8 * 3 || batch.mask.length !== 64) throw new Error();
 *   steps++;
 * }
 * loader.close();
 * if (steps !== 2) throw new Error();
 * ```
 */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #pool: Pool;
  readonly #order: SampleOrder;
  readonly #plan: StepPlan;
  readonly #skipped = new Map<number, string>();

  private constructor(options: LoaderOptions, pool: Pool, plan: StepPlan) {
    this.#options = options;
    this.#pool = pool;
    this.#plan = plan;
    this.#order = new SampleOrder({
      length: options.source.length,
      seed: options.seed,
      isShuffled: options.isShuffled ?? true,
    });
  }

  /**
   * Starts the workers.
   *
   * @throws UserError if the source does not fill a batch
   */
  static async open(options: LoaderOptions): Promise<Loader> {
    const { source, batch, cacheBytes = 128 * 2 ** 20 } = options;
    const dropsLast = options.dropsLast ?? true;
    const plan = new StepPlan({ length: source.length, batch, dropsLast });
    const count = workerCount(options);
    const cache = DecodeCache.create(source.length, cacheBytes);
    const settings: ProducerSettings = {
      transform: options.transform,
      mask: options.mask,
      seed: options.seed,
      cropsPerImage: options.cropsPerImage ?? null,
      exif: options.exif ?? false,
      maxPixels: options.maxPixels ?? defaultMaxPixels,
      decoder: options.decoder ?? "auto",
      memory: source.memory,
      cache: count === 0 || cache?.isShared ? cache?.memory : undefined,
    };
    const pool = await createPool(settings, count, (reason) => {
      options.onNote?.(
        `Data workers cannot start; images are prepared on the main thread: ${reason}`,
      );
    });
    return new Loader(options, pool, plan);
  }

  /** Steps per epoch. */
  get stepsPerEpoch(): number {
    return this.#plan.stepsPerEpoch;
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

  *#portions(from: number, to: number): Generator<Portion> {
    const { rank, ranks, microBatch: largest, isOncePerSample = false } = this.#options;
    for (let step = from; step < to; step++) {
      const { epoch, position, count: whole } = this.#plan.at(step);
      const parts = microBatchesOf({ count: whole, largest, rank, ranks });
      for (const [microBatch, { first, count, share }] of parts.entries()) {
        if (isOncePerSample && share === 0) continue;
        const microBatches = parts.length;
        yield { step, microBatch, microBatches, epoch, position: position + first, count };
      }
    }
  }

  async #job(epoch: number, index: number): Promise<SampleJob> {
    const { source, transform } = this.#options;
    const job = { epoch, index, ...await fileOf(source, index) };
    if (transform.kind !== "segmentation" || source.annotations === undefined) return job;
    return { ...job, annotation: await fileOf(source.annotations, index) };
  }

  async #produce(epoch: number, indices: Uint32Array): Promise<ChunkResult> {
    const jobs: SampleJob[] = [];
    for (const index of indices) jobs.push(await this.#job(epoch, index));
    return await this.#pool.run(jobs);
  }

  /** Records a file that failed, or throws if failing is not allowed. */
  #skip(index: number, message: string): void {
    const { onError = "raise", maxSkipped = 100, onSkip, source } = this.#options;
    if (onError === "raise") {
      throw new UserError(message, { hint: "skip such files with --set data.onError=skip" });
    }
    if (this.#skipped.has(index)) return;
    this.#skipped.set(index, message);
    onSkip?.({ id: source.entry(index).id, message });
    if (this.#skipped.size > maxSkipped) {
      throw new UserError(
        `Cannot continue: more than data.maxSkipped=${maxSkipped} files failed, the last: ${message}`,
        { hint: `allow more with --set data.maxSkipped=${2 * maxSkipped + 100}` },
      );
    }
  }

  /** The first sample after `position` that can be read, with its index. */
  async #replacement(epoch: number, position: number): Promise<[number, ChunkResult]> {
    const { length } = this.#order;
    for (let ahead = 1; ahead < length; ahead++) {
      const index = this.#order.at(epoch, (position + ahead) % length);
      if (this.#skipped.has(index)) continue;
      const result = await this.#produce(epoch, Uint32Array.of(index));
      if (result.failures.length === 0) return [index, result];
      this.#skip(index, result.failures[0].message);
    }
    throw new UserError("Cannot continue: no file of the data set can be decoded");
  }

  async #make(portion: Portion): Promise<LoadedBatch> {
    const { transform, mask, source } = this.#options;
    const { epoch, position, count } = portion;
    const indices = Uint32Array.from(
      { length: count },
      (_, i) => this.#order.at(epoch, position + i),
    );
    const batch = new BatchBuffers(transform, mask, count);
    const workers = Math.max(1, this.#pool.workers);
    const chunk = Math.min(largestChunk, Math.ceil(count / workers));
    const failures: { slot: number; message: string }[] = [];
    const pending: Promise<void>[] = [];
    for (let first = 0; first < count; first += chunk) {
      const made = this.#produce(epoch, indices.subarray(first, first + chunk));
      pending.push(made.then((result) => {
        batch.place(result, first);
        for (const { slot, message } of result.failures) {
          failures.push({ slot: first + slot, message });
        }
      }));
    }
    await Promise.all(pending);
    failures.sort((a, b) => a.slot - b.slot);
    for (const { slot, message } of failures) this.#skip(indices[slot], message);
    for (const { slot } of failures) {
      const [index, result] = await this.#replacement(epoch, position + slot);
      indices[slot] = index;
      batch.place(result, slot);
    }
    const entries = Array.from(indices, (index) => source.entry(index));
    return {
      ...batch.contents,
      size: count,
      labels: Int32Array.from(entries, (entry) => entry.label),
      ids: entries.map((entry) => entry.id),
      indices,
      step: portion.step,
      microBatch: portion.microBatch,
      microBatches: portion.microBatches,
      epoch,
      position,
    };
  }

  /**
   * The micro-batches of steps `from` … `to` − 1, in order; without `to`, they never end. A run that resumes at
   * step n passes `from: n`. The time that `next()` takes is the time spent waiting for data.
   */
  async *batches(
    { from = 0, to = Infinity }: { readonly from?: number; readonly to?: number } = {},
  ): AsyncGenerator<LoadedBatch, void, void> {
    const portions = this.#portions(from, to);
    const { prefetch = 2 } = this.#options;
    const ahead: Promise<LoadedBatch>[] = [];
    const advance = () => {
      const next = portions.next();
      if (next.done) return;
      const batch = this.#make(next.value);
      // It is awaited later, or never if the consumer stops, in which case a failure does not
      // matter.
      batch.catch(() => {});
      ahead.push(batch);
    };
    for (let i = 0; i <= prefetch; i++) advance();
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      yield await next;
      advance();
    }
  }

  /** Ends the workers. The source stays open. */
  close(): void {
    this.#pool.close();
  }
}
