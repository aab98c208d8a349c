/**
 * A step's gradients over all ranks, as tensors for one update.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { Parameter } from "../../backends/parameter.ts";
import type { Communicator } from "../../distributed/communicator.ts";
import { GradientBuckets, type GradientTraffic } from "./gradient_buckets.ts";

/** Computes the gradients of this rank's last micro-batch, and reports each as soon as it is final. */
export type TakeGradients = (
  onFinal?: (index: number, gradient: Tensor) => void,
) => Tensor[];

/** Sums gradients over ranks. */
export class SharedGradients {
  readonly #on: Context;
  readonly #parameters: readonly Parameter[];
  readonly #buckets: GradientBuckets;
  readonly #canOverlap: boolean;

  constructor(
    on: Context,
    parameters: readonly Parameter[],
    communicator: Communicator,
    traffic: GradientTraffic,
  ) {
    this.#on = on;
    this.#parameters = parameters;
    const sizes = parameters.map(({ value }) => value.size);
    this.#buckets = new GradientBuckets(sizes, communicator, traffic);
    // A GPU's values arrive later, when no tape may be open.
    this.#canOverlap = traffic.overlap && on.backend.capabilities.isHostMemory === true;
  }

  /**
   * Starts a sum: during the backward pass if values can be read immediately, otherwise after it.
   *
   * @param before sums of the previous micro-batches, or none; disposed of
   * @param lossScale of the gradients, []
   * @returns what to await once the tape is closed
   */
  start(take: TakeGradients, before: readonly Tensor[], lossScale: Tensor): () => Promise<void> {
    const read = (tensor: Tensor | undefined) =>
      tensor === undefined ? [] : [tensor.dataSync() as Float32Array];
    if (this.#canOverlap) {
      this.#buckets.begin(lossScale.dataSync()[0]);
      take((index, gradient) => {
        this.#buckets.add(index, [...read(gradient), ...read(before[index])]);
      });
      tf.dispose([...before]);
      return () => this.#buckets.finish();
    }
    const gradients = take().map((gradient) => tf.keep(gradient));
    const scale = tf.keep(tf.clone(lossScale));
    return async () => {
      this.#buckets.begin((await scale.data())[0]);
      scale.dispose();
      for (const group of this.#buckets.groups) {
        const parts = group.map((index) =>
          before.length === 0 ? [gradients[index]] : [gradients[index], before[index]]
        );
        // Everything that is sent together is read together: a device is waited for at every read.
        const values = await Promise.all(parts.flat().map((part) => part.data()));
        for (const [place, index] of group.entries()) {
          this.#buckets.add(index, values.splice(0, parts[place].length) as Float32Array[]);
        }
      }
      tf.dispose([...gradients, ...before]);
      await this.#buckets.finish();
    };
  }

  /** Runs `update` with the sums as tensors. */
  use<T>(update: (gradients: Tensor[]) => T): T {
    return this.#on.backend.run(() => {
      const gradients = this.#parameters.map(({ shape }, index) =>
        // A copy: the bucket is refilled while a GPU may still be reading.
        tf.tensor(this.#buckets.sum(index).slice(), shape)
      );
      try {
        return update(gradients);
      } finally {
        tf.dispose(gradients);
      }
    });
  }
}
