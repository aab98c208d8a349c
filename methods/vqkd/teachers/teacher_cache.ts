/**
 * A teacher's features from a cache.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { FeatureCache } from "../../../checkpoints/store/feature_cache.ts";
import type { AugmentedBatch } from "../../../pipeline/batch.ts";
import { StoredTargets } from "../../../pipeline/engine/stored_targets.ts";

/** Looks up a batch's features and stores new ones. */
export class TeacherCache {
  readonly #stored: StoredTargets<Float32Array>;
  readonly ahead: StoredTargets<Float32Array>["ahead"];

  constructor(features: FeatureCache) {
    this.#stored = new StoredTargets({
      get isFull() {
        return features.isFull;
      },
      read: ({ key }) => features.read(key),
      write: ({ key }, values) => features.write(key, values),
    });
    this.ahead = (queue) => this.#stored.ahead(queue);
  }

  /** Images whose features were cached, and those that the teacher had to see. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return this.#stored.counts;
  }

  /**
   * The features of a batch: the cached ones, or else those of `compute`, which are now stored.
   *
   * @param targetDim width T of a target
   */
  targets(batch: AugmentedBatch, targetDim: number, compute: () => Tensor): Tensor {
    const upload = (values: Float32Array) =>
      tf.tensor(values, [batch.size, values.length / batch.size / targetDim, targetDim]);
    return this.#stored.targets(batch, upload, compute);
  }
}
