import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { detached, recordKernel } from "../tfjs/record_kernel.ts";
import { roundGradient, roundTo } from "./round_to.ts";

/** Options of {@link attention}. */
export interface AttentionOptions {
  readonly heads: number;
  /** Factor for q·kᵀ, usually 1/√(channels per head). */
  readonly scale: number;
}

/**
 * Multi-head self-attention: softmax(scale·q·kᵀ + bias)·v, with the softmax in float32.
 *
 * @param qkv [B, N, 3·C], the last axis in the order (q|k|v, head, channel)
 * @param bias [H, N, N], added to the logits of every sample, or null
 * @returns [B, N, C]
 *
 * @example One token attends to itself
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { attention } from "./attention.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const y = attention(on, tf.tensor([[[1, 2, 3]]]), null, { heads: 1, scale: 1 });
 *   if (y.dataSync()[0] !== 3) throw new Error(`${y}`);
 * });
 * ```
 */
export function attention(
  on: Context,
  qkv: Tensor,
  bias: Tensor | null,
  options: AttentionOptions,
): Tensor {
  const run = on.backend.kernels.attention === undefined ? composeAttention : fuseAttention;
  return observed(on, "attention", [], (on) => run(on, qkv, bias, options));
}

/** The weights softmax(scale·q·kᵀ + bias) themselves, for pictures: [B, H, N, N], no gradient. */
export function attentionWeights(
  on: Context,
  qkv: Tensor,
  bias: Tensor | null,
  options: AttentionOptions,
): Tensor {
  const [weights] = detached(() => [composeWeights(on, splitHeads(qkv, options), bias, options)]);
  return weights;
}

/** q, k and v, each [B, H, N, D]. */
function splitHeads(qkv: Tensor, { heads }: AttentionOptions): Tensor[] {
  const [batch, tokens, width] = qkv.shape;
  const shape = [batch, tokens, heads, width! / 3 / heads];
  return tf.split(qkv, 3, 2).map((part) => tf.transpose(tf.reshape(part, shape), [0, 2, 1, 3]));
}

function composeWeights(
  on: Context,
  [q, k]: Tensor[],
  bias: Tensor | null,
  { scale }: AttentionOptions,
): Tensor {
  const logits = roundGradient(on, tf.mul(tf.matMul(q, k, false, true), scale));
  return tf.softmax(bias === null ? logits : tf.add(logits, bias));
}

function composeAttention(
  on: Context,
  qkv: Tensor,
  bias: Tensor | null,
  options: AttentionOptions,
): Tensor {
  const heads = splitHeads(roundTo(on, qkv), options);
  const weights = roundTo(on, composeWeights(on, heads, bias, options));
  const mixed = tf.transpose(tf.matMul(weights, heads[2]), [0, 2, 1, 3]);
  const [batch, tokens, width] = qkv.shape;
  return roundTo(on, tf.reshape(mixed, [batch, tokens, width! / 3]));
}

function fuseAttention(
  { backend, precision }: Context,
  qkv: Tensor,
  bias: Tensor | null,
  options: AttentionOptions,
): Tensor {
  const kernel = backend.kernels.attention!;
  const { heads, scale } = options;
  const [y] = recordKernel<Record<string, Tensor>>({
    inputs: bias === null ? { qkv } : { qkv, bias },
    forward: () => {
      const { y, saved } = kernel.forward({ qkv, bias, heads, scale, precision });
      return { outputs: [y], saved: [y, ...saved] };
    },
    // Blocks may share a bias, whose gradients meet here.
    adds: bias !== null && kernel.addsGradient === true ? ["bias"] : [],
    backward: ([dy], inputs, [y, ...saved], { bias: soFar }) => {
      const kept = { qkv: inputs.qkv, bias: inputs.bias ?? null };
      const { dqkv, dbias } = kernel.backward({
        ...{ dy, ...kept, y, saved, heads, scale, precision },
        ...(soFar !== undefined && { soFar }),
      });
      return { qkv: dqkv, ...(dbias && { bias: dbias }) };
    },
  });
  return y;
}
