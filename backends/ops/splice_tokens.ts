import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { joinTokens, sliceTokens } from "./slice_tokens.ts";

/**
 * Prepends a cls token to the patch tokens of another sequence: the input of the patch-aggregation blocks
 * (paper, figure 3).
 *
 * @param cls [B, C]
 * @param patchesFrom [B, N, C], of which all tokens but the first are used
 * @returns [B, N, C]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { spliceTokens } from "./splice_tokens.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const tokens = spliceTokens(on, tf.tensor([[1]]), tf.tensor([[[3], [4]]]));
 *   if (String(tokens.dataSync()) !== "1,4") throw new Error(`${tokens}`);
 * });
 * ```
 */
export function spliceTokens(_on: Context, cls: Tensor, patchesFrom: Tensor): Tensor {
  const [batch, tokens, width] = patchesFrom.shape as [number, number, number];
  const patches = sliceTokens(patchesFrom, 1, tokens - 1);
  return joinTokens(tf.reshape(cls, [batch, 1, width]), patches);
}
