import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/** The parts that {@link assembleTokens} combines. */
export interface TokenParts {
  /** [B, N, C]. */
  readonly patches: Tensor;
  /** [B, N], 1 where a patch is replaced with the mask token, otherwise 0; null masks nothing. */
  readonly mask: Tensor | null;
  /** [1, 1, C]; may be null without a mask. */
  readonly maskToken: Tensor | null;
  /** [1, 1, C]. */
  readonly clsToken: Tensor;
  /** [1, N + 1, C] or null. */
  readonly positions: Tensor | null;
}

/**
 * Patch embeddings to the tokens that a transformer reads: masks some, prepends the cls token, then
 * adds the position embedding. Returns [B, N + 1, C].
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { assembleTokens } from "./assemble_tokens.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const tokens = assembleTokens({ backend, precision: "float32" }, {
 *     patches: tf.tensor([[[1], [2]]]),
 *     mask: tf.tensor([[0, 1]]),
 *     maskToken: tf.tensor([[[9]]]),
 *     clsToken: tf.tensor([[[5]]]),
 *     positions: null,
 *   });
 *   if (String(tokens.dataSync()) !== "5,1,9") throw new Error(`${tokens}`);
 * });
 * ```
 */
export function assembleTokens(on: Context, parts: TokenParts): Tensor {
  const { clsToken, maskToken, positions } = parts;
  return observed(
    on,
    "assembleTokens",
    [clsToken, maskToken, positions],
    (on) =>
      on.backend.kernels.assembleTokens === undefined
        ? composeAssembleTokens(parts)
        : fuseAssembleTokens(on, parts),
  );
}

function composeAssembleTokens(parts: TokenParts): Tensor {
  const { patches, mask, maskToken, clsToken, positions } = parts;
  const [batch, , width] = patches.shape;
  let visible = patches;
  if (mask !== null) {
    const isMasked = tf.expandDims(mask, -1);
    visible = tf.add(tf.mul(patches, tf.sub(1, isMasked)), tf.mul(maskToken!, isMasked));
  }
  const tokens = tf.concat([tf.broadcastTo(clsToken, [batch, 1, width!]), visible], 1);
  return positions === null ? tokens : tf.add(tokens, positions);
}

function fuseAssembleTokens({ backend }: Context, parts: TokenParts): Tensor {
  const kernel = backend.kernels.assembleTokens!;
  const { patches, mask, maskToken, clsToken, positions } = parts;
  const isMasked = mask !== null && maskToken !== null;
  const [y] = recordKernel<Record<string, Tensor>>({
    inputs: {
      patches,
      clsToken,
      ...(isMasked ? { maskToken } : {}),
      ...(positions === null ? {} : { positions }),
    },
    forward: () => ({ outputs: [kernel.forward(parts).y], saved: mask === null ? [] : [mask] }),
    backward: ([dy], _inputs, saved) => {
      const mask = saved[0] ?? null;
      const gradients = kernel.backward({ dy, mask, hasPositions: positions !== null });
      return {
        patches: gradients.dpatches,
        clsToken: gradients.dclsToken,
        ...(gradients.dmaskToken && { maskToken: gradients.dmaskToken }),
        ...(gradients.dpositions && { positions: gradients.dpositions }),
      };
    },
  });
  return y;
}
