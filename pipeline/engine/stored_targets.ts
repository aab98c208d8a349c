/**
 * What a frozen model makes of images, kept on disk: looked up ahead of the step, stored after it.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { contentKey } from "../../checkpoints/store/feature_cache.ts";
import type { AugmentedBatch } from "../batch.ts";
import type { BatchQueue } from "./queue.ts";

/** Features in float32, or codes. */
export type TargetValues = Float32Array | Int32Array;

/** One image of a batch, as a store knows it. */
export interface StoredSample {
  /** Hash of its pixels. */
  readonly key: string;
  /** Index in the source. */
  readonly index: number;
  /** Pass over the data, from 0. */
  readonly epoch: number;
}

/** Where values are kept. */
export interface TargetStore<Values extends TargetValues> {
  /** Whether there is no room for another image. */
  readonly isFull: boolean;
  /** Values of an image, bit for bit as written; null if they are not stored. */
  read(sample: StoredSample): Values | null | Promise<Values | null>;
  write(sample: StoredSample, values: Values): void | Promise<void>;
}

/** What is known about a batch. */
interface Found<Values> {
  readonly samples: readonly StoredSample[];
  /** Those of the images, one after another; null if one of the images is new. */
  readonly values: Values | null;
}

/** Looks up a batch's values and stores new ones. */
export class StoredTargets<Values extends TargetValues> {
  readonly #store: TargetStore<Values>;
  readonly #view: "pixels" | "tokenizerPixels";
  readonly #found = new WeakMap<AugmentedBatch, Found<Values>>();
  readonly #writing = new Set<Promise<void>>();
  #error: unknown = null;
  #hits = 0;
  #misses = 0;

  /** @param view which view of a batch the model sees */
  constructor(store: TargetStore<Values>, view: "pixels" | "tokenizerPixels" = "pixels") {
    this.#store = store;
    this.#view = view;
  }

  /** Images whose values were stored, and those that the model had to see. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** A queue whose batches are looked up before they are handed out. */
  ahead<Batch extends AugmentedBatch>(queue: BatchQueue<Batch>): BatchQueue<Batch> {
    return {
      next: async (step, microBatch) => {
        if (this.#error !== null) throw this.#error;
        const batch = await queue.next(step, microBatch);
        this.#found.set(batch, await this.#lookUp(batch));
        return batch;
      },
      takeTimes: () => queue.takeTimes(),
      close: async () => {
        await Promise.all(this.#writing);
        await queue.close();
        if (this.#error !== null) throw this.#error;
      },
    };
  }

  async #lookUp(batch: AugmentedBatch): Promise<Found<Values>> {
    const { size, indices, epoch } = batch;
    const pixels = batch[this.#view];
    const bytes = pixels.length / size;
    const samples = Array.from({ length: size }, (_, at) => ({
      key: contentKey(pixels.subarray(at * bytes, (at + 1) * bytes)),
      index: indices[at],
      epoch,
    }));
    const parts = await Promise.all(samples.map((sample) => this.#store.read(sample)));
    const whole = parts.filter((part) => part !== null);
    if (whole.length < size) {
      this.#misses += size;
      return { samples, values: null };
    }
    this.#hits += size;
    const [first] = whole;
    const values = first instanceof Int32Array
      ? new Int32Array(size * first.length)
      : new Float32Array(size * first.length);
    for (const [at, part] of whole.entries()) values.set(part, at * part.length);
    return { samples, values: values as Values };
  }

  /**
   * The values of a batch as a tensor: the stored ones by `upload`, or else those of `compute`,
   * which are now stored. A batch with one new image is computed as a whole, so that the model sees
   * batches of the same size and rounds in the same way.
   */
  targets(
    batch: AugmentedBatch,
    upload: (values: Values) => Tensor,
    compute: () => Tensor,
  ): Tensor {
    const found = this.#found.get(batch);
    if (found === undefined) return compute();
    if (found.values !== null) return upload(found.values);
    const targets = compute();
    if (!this.#store.isFull) this.#keep(found.samples, tf.keep(tf.clone(targets)));
    return targets;
  }

  /** Writes after the step, so as not to stall a GPU; an error ends the run at the next batch. */
  #keep(samples: readonly StoredSample[], targets: Tensor): void {
    const write = async () => {
      try {
        const values = await targets.data() as Values;
        const length = values.length / samples.length;
        await Promise.all(
          samples.map((sample, at) =>
            this.#store.write(sample, values.slice(at * length, (at + 1) * length) as Values)
          ),
        );
      } catch (error) {
        this.#error ??= error;
      } finally {
        targets.dispose();
      }
    };
    const writing = write().then(() => void this.#writing.delete(writing));
    this.#writing.add(writing);
  }
}
