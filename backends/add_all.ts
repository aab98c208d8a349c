/**
 * Sums of any number of tensors.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";

/** WebGPU guarantees eight storage buffers per shader; the sum takes one of them. */
const mostInputs = 7;

/**
 * The sum of tensors of the same shape, added in order, as `tf.addN` does, which fails on a WebGPU device
 * that cannot bind all of them at once. Gradients follow it.
 *
 * @example
 * ```ts
 * import { tf } from "../deps/tfjs.ts";
 * import { createBackend } from "./mod.ts";
 * import { addAll } from "./add_all.ts";
 *
 * const { backend } = await createBackend("reference");
 * const sum = backend.run(() => addAll([1, 2, 3].map((value) => tf.scalar(value))));
 * if ((await sum.data())[0] !== 6) throw new Error();
 * sum.dispose();
 * await backend.dispose();
 * ```
 */
export function addAll(tensors: readonly Tensor[]): Tensor {
  if (tensors.length <= mostInputs) return tf.addN([...tensors]);
  return tf.tidy(() => {
    let sum: Tensor = tf.addN(tensors.slice(0, mostInputs));
    for (let next = mostInputs; next < tensors.length; next += mostInputs - 1) {
      sum = tf.addN([sum, ...tensors.slice(next, next + mostInputs - 1)]);
    }
    return sum;
  });
}
