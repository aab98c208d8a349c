import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { sliceTokens } from "./slice_tokens.ts";

/**
 * Selected tokens of `x` [B, N, C], whose token 0 is the cls token: `cls` → [B, C], `patches` → [B,
 * N − 1, C], `meanPatches` → [B, C].
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { takeTokens } from "./take_tokens.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const mean = takeTokens(on, tf.tensor([[[9], [2], [4]]]), "meanPatches");
 *   if (mean.dataSync()[0] !== 3) throw new Error(`${mean}`);
 * });
 * ```
 */
export function takeTokens(
  _on: Context,
  x: Tensor,
  which: "cls" | "patches" | "meanPatches",
): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  if (which === "cls") return tf.reshape(sliceTokens(x, 0, 1), [batch, width]);
  const patches = sliceTokens(x, 1, tokens - 1);
  return which === "patches" ? patches : tf.mean(patches, 1);
}
