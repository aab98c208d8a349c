import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { sliceTokens } from "./slice_tokens.ts";

/**
 * Consecutive rows of `x` [R, C] → [count, C].
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { sliceRows } from "./slice_rows.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const rows = sliceRows(on, tf.tensor([[1], [2], [3]]), 1, 2);
 *   if (String(rows.dataSync()) !== "2,3") throw new Error(`${rows}`);
 * });
 * ```
 */
export function sliceRows(_on: Context, x: Tensor, first: number, count: number): Tensor {
  const width = x.shape[1]!;
  const sequence = tf.reshape(x, [1, -1, width]);
  return tf.reshape(sliceTokens(sequence, first, count), [count, width]);
}
