import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * `quantized` in the forward pass, the identity on `z` in the backward pass: z +
 * stopGradient(quantized − z).
 *
 * @param z [R, D]
 * @param quantized [R, D]; no gradient reaches it
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { straightThrough } from "./straight_through.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const f = (z: tf.Tensor) => tf.sum(tf.mul(straightThrough(on, z, tf.tensor1d([7])), 3));
 *   if (tf.grad(f)(tf.tensor1d([1])).dataSync()[0] !== 3) throw new Error("wrong gradient");
 * });
 * ```
 */
export function straightThrough(_on: Context, z: Tensor, quantized: Tensor): Tensor {
  const [y] = recordKernel({
    inputs: { z },
    forward: () => ({ outputs: [tf.clone(quantized)], saved: [] }),
    backward: ([dy]) => ({ z: dy }),
  });
  return y;
}
