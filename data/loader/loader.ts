/**
 * Batches from a source: read, decoded, transformed and masked ahead of the step, in workers.
 *
 * A batch's contents are a function of (seed, step) and the files: every draw comes from a
 * generator split by (epoch, sample), whichever worker makes it, however many there are.
 *
 * @module
 */
import { BatchMaker } from "./batch_maker.ts";
import type { LoadedBatch, LoaderOptions } from "./loader_options.ts";
import { type SampleFile, storedFile } from "./sample_file.ts";
import { type PlannedBatch, SamplePlan } from "./sample_plan.ts";

export type { LoadedBatch, LoaderOptions, SkippedFile } from "./loader_options.ts";

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
  readonly #plan: SamplePlan;
  readonly #maker: BatchMaker;

  private constructor(options: LoaderOptions, plan: SamplePlan, maker: BatchMaker) {
    this.#options = options;
    this.#plan = plan;
    this.#maker = maker;
  }

  /**
   * Starts the workers.
   *
   * @throws UserError if the source does not fill a batch
   */
  static async open(options: LoaderOptions): Promise<Loader> {
    const { length: count, memory } = options.source;
    const plan = new SamplePlan(options);
    return new Loader(options, plan, await BatchMaker.open(options, { count, memory }));
  }

  /** Steps per epoch. */
  get stepsPerEpoch(): number {
    return this.#plan.stepsPerEpoch;
  }

  /** Different files skipped so far. */
  get skipped(): number {
    return this.#maker.skipped;
  }

  /** Workers in use; 0 on the main thread. */
  get workers(): number {
    return this.#maker.workers;
  }

  /** Which library decodes. */
  get decoder(): string {
    return this.#maker.decoder;
  }

  *#planned(from: number, to: number): Generator<PlannedBatch> {
    for (let step = from; step < to; step++) {
      for (const batch of this.#plan.batchesOf(step)) {
        if (!this.#options.isOncePerSample || batch.share > 0) yield batch;
      }
    }
  }

  async #file(batch: PlannedBatch, slot: number, attempt: number): Promise<SampleFile | null> {
    const { source: { annotations }, transform } = this.#options;
    const file = await this.#plan.file(batch, slot, attempt);
    if (file === null || transform.kind !== "segmentation" || annotations === undefined) {
      return file;
    }
    return { ...file, annotation: await storedFile(annotations, file.index) };
  }

  async #make(planned: PlannedBatch): Promise<LoadedBatch> {
    const { epoch, count, step, microBatch, microBatches, position } = planned;
    const made = await this.#maker.make(
      epoch,
      count,
      (slot, attempt) => this.#file(planned, slot, attempt),
    );
    return { ...made, step, microBatch, microBatches, position };
  }

  /**
   * The micro-batches of steps `from` … `to` − 1, in order; without `to`, they never end. A run that resumes at
   * step n passes `from: n`. The time that `next()` takes is the time spent waiting for data.
   */
  async *batches(
    { from = 0, to = Infinity }: { readonly from?: number; readonly to?: number } = {},
  ): AsyncGenerator<LoadedBatch, void, void> {
    const planned = this.#planned(from, to);
    const { prefetch = 2 } = this.#options;
    const ahead: Promise<LoadedBatch>[] = [];
    const advance = () => {
      const next = planned.next();
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
    this.#maker.close();
  }
}
