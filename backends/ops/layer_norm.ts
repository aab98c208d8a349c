import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { alias, asRows } from "../tfjs/handles.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/** Options of {@link layerNorm}. */
export interface LayerNormOptions {
  /**
   * True if only products read the result: in a reduced precision, which they would round it to, it may then be
   * kept in that format. Default: false.
   */
  readonly isOnlyMultiplied?: boolean;
}

/**
 * Layer norm over the last axis, always computed in float32: (x − mean) / √(variance + epsilon) · weight + bias.
 *
 * @param x [..., C]
 * @param weight [C]
 * @param bias [C]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { layerNorm } from "./layer_norm.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const y = layerNorm(on, tf.tensor([[1, 3]]), tf.ones([2]), tf.zeros([2]), 0);
 *   if (String(y.dataSync()) !== "-1,1") throw new Error(`${y}`);
 * });
 * ```
 */
export function layerNorm(
  on: Context,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  epsilon: number,
  options: LayerNormOptions = {},
): Tensor {
  return observed(
    on,
    "layerNorm",
    [weight, bias],
    (on) => runLayerNorm(on, x, weight, bias, epsilon, options),
  );
}

function runLayerNorm(
  on: Context,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  epsilon: number,
  { isOnlyMultiplied = false }: LayerNormOptions,
): Tensor {
  const kernel = on.backend.kernels.layerNorm;
  if (kernel === undefined) return composeLayerNorm(x, weight, bias, epsilon);
  const [y] = recordKernel({
    inputs: { x, weight, bias },
    forward: () => {
      const { y, saved } = kernel.forward({
        x: asRows(x),
        weight,
        bias,
        epsilon,
        ...(isOnlyMultiplied && { productPrecision: on.precision }),
      });
      return { outputs: [alias(y, x.shape)], saved };
    },
    // A block's norm reads what its residual passes on: two gradients meet there.
    adds: kernel.addsGradient === true ? ["x"] : [],
    backward: ([dy], { x, weight, bias }, saved, { x: before }) => {
      const { dx, dweight, dbias } = kernel.backward({
        ...{ dy: asRows(dy), x: asRows(x), weight, bias, saved, epsilon },
        ...(before !== undefined && { soFar: asRows(before) }),
      });
      return { x: alias(dx, x.shape), weight: dweight, bias: dbias };
    },
  });
  return y;
}

function composeLayerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul(normalised, weight), bias);
}
