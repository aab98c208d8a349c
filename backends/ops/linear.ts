import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import type { Activation } from "../kernels.ts";
import { observed } from "../observed.ts";
import { alias, asRows } from "../tfjs/handles.ts";
import { detached, recordKernel } from "../tfjs/record_kernel.ts";
import { roundTo, roundValue } from "./round_to.ts";

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Default `none`. */
  readonly activation?: Activation;
  /** False if `x` is data: its gradient is then not computed. Default: true. */
  readonly needsInputGradient?: boolean;
}

/**
 * activation(x·weightᵀ + bias) on the last axis.
 *
 * @param x [..., I]
 * @param weight [O, I]
 * @param bias [O] or null
 * @returns [..., O]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { linear } from "./linear.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const y = linear(on, tf.tensor([[1, 2]]), tf.tensor([[3, 4]]), tf.tensor1d([0.5]));
 *   if (y.dataSync()[0] !== 11.5) throw new Error(`${y}`);
 * });
 * ```
 */
export function linear(
  on: Context,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: LinearOptions = {},
): Tensor {
  const { activation = "none", needsInputGradient = true } = options;
  const run = on.backend.kernels.linear === undefined ? composeLinear : fuseLinear;
  return observed(on, "linear", [weight, bias], (on) => {
    return run(on, x, weight, bias, { activation, needsInputGradient });
  });
}

function activate(x: Tensor, activation: Activation): Tensor {
  switch (activation) {
    case "none":
      return x;
    case "gelu":
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    case "quickGelu":
      return tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));
    case "tanh":
      return tf.tanh(x);
  }
}

function composeLinear(
  on: Context,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { activation, needsInputGradient }: Required<LinearOptions>,
): Tensor {
  const [outputs, inputs] = weight.shape;
  const rows = tf.reshape(needsInputGradient ? x : detached(() => [tf.clone(x)])[0], [-1, inputs]);
  const product = tf.matMul(roundTo(on, rows), roundValue(on, weight), false, true);
  const z = roundTo(on, bias === null ? product : tf.add(product, bias));
  const y = activation === "none" ? z : roundTo(on, activate(z, activation));
  return tf.reshape(y, [...x.shape.slice(0, -1), outputs]);
}

function fuseLinear(
  { backend, precision }: Context,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { activation, needsInputGradient }: Required<LinearOptions>,
): Tensor {
  const kernel = backend.kernels.linear!;
  const [y] = recordKernel<Record<string, Tensor>>({
    inputs: {
      weight,
      ...(needsInputGradient ? { x } : {}),
      ...(bias === null ? {} : { bias }),
    },
    forward: () => {
      const rows = asRows(x);
      const { y, saved } = kernel.forward({ x: rows, weight, bias, activation, precision });
      const output = alias(y, [...x.shape.slice(0, -1), weight.shape[0]]);
      return { outputs: [output], saved: needsInputGradient ? saved : [x, ...saved] };
    },
    backward: ([dy], inputs, kept) => {
      const [keptX, saved] = needsInputGradient ? [inputs.x, kept] : [kept[0], kept.slice(1)];
      const { dx, dweight, dbias } = kernel.backward({
        dy: asRows(dy),
        x: asRows(keptX),
        weight: inputs.weight,
        bias: inputs.bias ?? null,
        saved,
        activation,
        needsInputGradient,
        precision,
      });
      return {
        weight: dweight,
        ...(dx && { x: alias(dx, keptX.shape) }),
        ...(dbias && { bias: dbias }),
      };
    },
  });
  return y;
}
