import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * Rows of unit length, x / max(‖x‖, 1e-12), in float32.
 *
 * @param x [R, D]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { l2Normalize } from "./l2_normalize.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const y = l2Normalize({ backend, precision: "float32" }, tf.tensor([[0, 4], [0, 0]]));
 *   if (String(y.dataSync()) !== "0,1,0,0") throw new Error(`${y}`);
 * });
 * ```
 */
export function l2Normalize(on: Context, x: Tensor): Tensor {
  return observed(on, "l2Normalize", [], (on) => runL2Normalize(on, x));
}

function runL2Normalize(on: Context, x: Tensor): Tensor {
  const kernel = on.backend.kernels.l2Normalize;
  if (kernel === undefined) return composeL2Normalize(x);
  const [y] = recordKernel({
    inputs: { x },
    forward: () => {
      const { y, saved } = kernel.forward({ x });
      return { outputs: [y], saved: [y, ...saved] };
    },
    backward: ([dy], { x }, [y, ...saved]) => ({ x: kernel.backward({ dy, x, y, saved }).dx }),
  });
  return y;
}

function composeL2Normalize(x: Tensor): Tensor {
  // The limit is applied to the square: the gradient of a root at zero is infinite.
  const square = tf.maximum(tf.sum(tf.square(x), -1, true), 1e-24);
  return tf.div(x, tf.sqrt(square));
}
