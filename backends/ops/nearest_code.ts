import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { detached } from "../tfjs/record_kernel.ts";

/**
 * The nearest code for each row, in float32; the lowest id wins a tie. No gradient.
 *
 * @param z [M, D], unit rows
 * @param codebook [K, D], unit rows
 * @returns ids int32 [M]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { nearestCode } from "./nearest_code.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const codebook = tf.tensor([[1, 0], [0, 1], [0, 1]]);
 *   const ids = nearestCode({ backend, precision: "float32" }, tf.tensor([[0.6, 0.8]]), codebook);
 *   if (ids.dataSync()[0] !== 1) throw new Error(`${ids}`);
 * });
 * ```
 */
export function nearestCode(on: Context, z: Tensor, codebook: Tensor): Tensor {
  const kernel = on.backend.kernels.nearestCode;
  // Between unit vectors, the smallest distance is the largest product.
  const [ids] = detached(() => [
    kernel === undefined
      ? tf.argMax(tf.matMul(z, codebook, false, true), -1)
      : kernel({ z, codebook }),
  ]);
  return ids;
}
