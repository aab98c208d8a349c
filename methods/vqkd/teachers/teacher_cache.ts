/**
 * A teacher's features from a cache: looked up ahead of the step, stored after it.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { contentKey, type FeatureCache } from "../../../checkpoints/store/feature_cache.ts";
import type { AugmentedBatch } from "../../../pipeline/batch.ts";
import type { BatchQueue } from "../../../pipeline/engine/queue.ts";

/** What the cache knows about a batch. */
interface Found {
  /** Name of each image. */
  readonly keys: readonly string[];
  /** [B, N, T]; null if one of the images is new. */
  readonly values: Float32Array | null;
}

/** Looks up a batch's features and stores new ones. */
export class TeacherCache {
  readonly #features: FeatureCache;
  readonly #found = new WeakMap<AugmentedBatch, Found>();
  readonly #writing = new Set<Promise<void>>();
  #error: unknown = null;
  #hits = 0;
  #misses = 0;

  constructor(features: FeatureCache) {
    this.#features = features;
  }

  /** Images whose features were cached, and those that the teacher had to see. */
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

  async #lookUp({ pixels, size }: AugmentedBatch): Promise<Found> {
    const bytes = pixels.length / size;
    const keys = Array.from(
      { length: size },
      (_, index) => contentKey(pixels.subarray(index * bytes, (index + 1) * bytes)),
    );
    const parts = await Promise.all(keys.map((key) => this.#features.read(key)));
    const isWhole = parts.every((part) => part !== null);
    if (isWhole) this.#hits += size;
    else this.#misses += size;
    if (!isWhole) return { keys, values: null };
    const values = new Float32Array(size * parts[0]!.length);
    for (const [index, part] of parts.entries()) values.set(part!, index * part!.length);
    return { keys, values };
  }

  /**
   * The features of a batch: the cached ones, or else those of `compute`, which are now stored.
   *
   * @param targetDim width T of a target
   */
  targets(batch: AugmentedBatch, targetDim: number, compute: () => Tensor): Tensor {
    const found = this.#found.get(batch);
    if (found === undefined) return compute();
    if (found.values !== null) {
      return tf.tensor(found.values, [
        batch.size,
        found.values.length / batch.size / targetDim,
        targetDim,
      ]);
    }
    const targets = compute();
    if (!this.#features.isFull) this.#keep(found.keys, tf.keep(tf.clone(targets)));
    return targets;
  }

  /** Writes after the step, so as not to stall a GPU; an error ends the run at the next batch. */
  #keep(keys: readonly string[], targets: Tensor): void {
    const write = async () => {
      try {
        const values = await targets.data() as Float32Array;
        const length = values.length / keys.length;
        await Promise.all(
          keys.map((key, index) =>
            this.#features.write(key, values.slice(index * length, (index + 1) * length))
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
