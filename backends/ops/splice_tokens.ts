import type { Tensor } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { joinTokens, sliceTokens } from "./_slice_tokens.ts";

/**
 * The cls token of one sequence before the patch tokens of another: the input of the
 * patch-aggregation blocks (paper, figure 3).
 *
 * @param clsFrom [B, N, C], of which token 0 is taken
 * @param patchesFrom [B, N, C], of which the others are
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
 *   const tokens = spliceTokens(on, tf.tensor([[[1], [2]]]), tf.tensor([[[3], [4]]]));
 *   if (String(tokens.dataSync()) !== "1,4") throw new Error(`${tokens}`);
 * });
 * ```
 */
export function spliceTokens(_on: Context, clsFrom: Tensor, patchesFrom: Tensor): Tensor {
  const tokens = clsFrom.shape[1]!;
  return joinTokens(sliceTokens(clsFrom, 0, 1), sliceTokens(patchesFrom, 1, tokens - 1));
}
