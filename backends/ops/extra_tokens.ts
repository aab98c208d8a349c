import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { joinTokens, sliceTokens } from "./slice_tokens.ts";

/**
 * Appends the same additional tokens to those of every image: x [B, N, C] and `tokens` [1, R, C] →
 * [B, N + R, C].
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { appendTokens, firstTokens } from "./extra_tokens.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const x = tf.tensor([[[1], [2]], [[3], [4]]]);
 *   const longer = appendTokens(on, x, tf.tensor([[[9]]]));
 *   if (String(longer.dataSync()) !== "1,2,9,3,4,9") throw new Error(`${longer}`);
 *   if (String(firstTokens(on, longer, 2).dataSync()) !== "1,2,3,4") throw new Error();
 * });
 * ```
 */
export function appendTokens(_on: Context, x: Tensor, tokens: Tensor): Tensor {
  const [batch, , width] = x.shape as [number, number, number];
  return joinTokens(x, tf.broadcastTo(tokens, [batch, tokens.shape[1]!, width]));
}

/** The first `count` tokens, x [B, N, C] → [B, count, C]. */
export function firstTokens(_on: Context, x: Tensor, count: number): Tensor {
  return sliceTokens(x, 0, count);
}

/** Prepends the mean of all tokens, x [B, N, C] → [B, N + 1, C]. */
export function withMeanToken(_on: Context, x: Tensor): Tensor {
  return joinTokens(tf.mean(x, 1, true), x);
}
