import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * The bias of BEiT's joint q, k, v projection: keys have none, because it would cancel in the
 * softmax.
 *
 * @param qBias [C]
 * @param vBias [C]
 * @returns [3·C]: q, zeros, v
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { qkvBias } from "./qkv_bias.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const bias = qkvBias({ backend, precision: "float32" }, tf.tensor1d([1]), tf.tensor1d([2]));
 *   if (String(bias.dataSync()) !== "1,0,2") throw new Error(`${bias}`);
 * });
 * ```
 */
export function qkvBias(on: Context, qBias: Tensor, vBias: Tensor): Tensor {
  return observed(on, "qkvBias", [qBias, vBias], (on) => runQkvBias(on, qBias, vBias));
}

function runQkvBias(on: Context, qBias: Tensor, vBias: Tensor): Tensor {
  const kernel = on.backend.kernels.qkvBias;
  if (kernel === undefined) return tf.concat([qBias, tf.zerosLike(qBias), vBias]);
  const [y] = recordKernel({
    inputs: { qBias, vBias },
    forward: () => ({ outputs: [kernel.forward({ qBias, vBias }).y], saved: [] }),
    backward: ([dy], inputs) => {
      const { dqBias, dvBias } = kernel.backward({ dy, ...inputs });
      return { qBias: dqBias, vBias: dvBias };
    },
  });
  return y;
}
