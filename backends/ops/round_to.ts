/**
 * Emulated float16 and bfloat16: tensors stay float32 but hold only values that the format can
 * represent.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context, Precision } from "../backend.ts";
import { runKernel } from "../tfjs/run_kernel.ts";

/** The tfjs kernel that backends may register for exact rounding: `x`, attribute `precision`. */
export const roundKernelName = "MimicRoundTo";

/** By Veltkamp's splitting, which keeps the leading bits of a float32. */
function leadingBits(x: Tensor, dropped: number): Tensor {
  const scaled = tf.mul(x, 2 ** dropped + 1);
  return tf.sub(scaled, tf.sub(scaled, x));
}

/** Made of tfjs ops. Halfway cases may be rounded to odd, which affects one in 2¹³ values. */
function roundByArithmetic(x: Tensor, precision: Precision): Tensor {
  const magnitude = tf.abs(x);
  if (precision === "bfloat16") {
    return tf.where(tf.less(magnitude, 1e30), leadingBits(x, 16), x);
  }
  // Near 0.75 float32 has float16's smallest step, 2^-24.
  const subnormal = tf.sub(tf.add(x, 0.75), 0.75);
  const overflow = tf.mul(x, Infinity);
  const normal = tf.where(tf.less(magnitude, 65520), leadingBits(x, 13), overflow);
  return tf.where(tf.less(magnitude, 2 ** -14), subnormal, normal);
}

function round(x: Tensor, precision: Precision): Tensor {
  if (tf.getKernel(roundKernelName, tf.getBackend()) === undefined) {
    return tf.tidy(() => roundByArithmetic(x, precision));
  }
  return runKernel(roundKernelName, { x }, { precision });
}

function rounding(
  { precision }: Context,
  x: Tensor,
  { value, gradient }: { value: boolean; gradient: boolean },
): Tensor {
  if (precision === "float32") return x;
  const custom = tf.customGrad((...args: unknown[]) => ({
    value: value ? round(args[0] as Tensor, precision) : tf.clone(args[0] as Tensor),
    gradFunc: (dy: Tensor) => gradient ? round(dy, precision) : tf.clone(dy),
  }));
  return custom(x);
}

/**
 * `x` rounded to the context's precision, with its gradient rounded too: for activations. A value that is too
 * large becomes infinite. In float32 it is `x` itself.
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { roundTo } from "./round_to.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const rounded = roundTo({ backend, precision: "float16" }, tf.tensor1d([1 / 3, 1e5]));
 *   if (String(rounded.dataSync()) !== "0.333251953125,Infinity") throw new Error(`${rounded}`);
 * });
 * ```
 */
export function roundTo(on: Context, x: Tensor): Tensor {
  return rounding(on, x, { value: true, gradient: true });
}

/** `x` rounded, with its gradient left in float32: for weights, whose gradients are summed in float32. */
export function roundValue(on: Context, x: Tensor): Tensor {
  return rounding(on, x, { value: true, gradient: false });
}

/** `x` unchanged, with its gradient rounded: for products that stay in float32, such as logits. */
export function roundGradient(on: Context, x: Tensor): Tensor {
  return rounding(on, x, { value: false, gradient: true });
}
