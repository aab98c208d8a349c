import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";

/**
 * Mean over all elements of (a − b)², in float32.
 *
 * @param a any shape
 * @param b the shape of `a`
 * @returns []
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { meanSquaredError } from "./mean_squared_error.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const error = meanSquaredError(on, tf.tensor1d([1, 2]), tf.tensor1d([1, 4]));
 *   if (error.dataSync()[0] !== 2) throw new Error(`${error}`);
 * });
 * ```
 */
export function meanSquaredError(on: Context, a: Tensor, b: Tensor): Tensor {
  return observed(on, "meanSquaredError", [], () => tf.mean(tf.square(tf.sub(a, b))));
}
