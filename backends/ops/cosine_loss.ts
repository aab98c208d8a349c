import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { detached, recordKernel } from "../tfjs/record_kernel.ts";

/**
 * Mean of 1 − cos(prediction, target) over rows, in float32: how well VQ-KD's decoder reconstructs the teacher
 * (paper, equation 3). The norms are not clamped, so a row of zeros gives NaN.
 *
 * @param prediction [R, D]
 * @param target [R, D]; no gradient reaches it
 * @returns []
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { cosineLoss } from "./cosine_loss.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const loss = cosineLoss(on, tf.tensor([[1, 0], [0, 2]]), tf.tensor([[3, 0], [5, 0]]));
 *   if (loss.dataSync()[0] !== 0.5) throw new Error(`${loss}`);
 * });
 * ```
 */
export function cosineLoss(on: Context, prediction: Tensor, target: Tensor): Tensor {
  return observed(on, "cosineLoss", [], (on) => runCosineLoss(on, prediction, target));
}

function runCosineLoss(on: Context, prediction: Tensor, target: Tensor): Tensor {
  const kernel = on.backend.kernels.cosineLoss;
  if (kernel === undefined) {
    const [constant] = detached(() => [tf.clone(target)]);
    return tf.mean(tf.sub(1, tf.sum(tf.mul(unitRows(prediction), unitRows(constant)), -1)));
  }
  const [loss] = recordKernel({
    inputs: { prediction },
    forward: () => {
      const { loss, saved } = kernel.forward({ prediction, target });
      return { outputs: [loss], saved: [target, ...saved] };
    },
    backward: ([dloss], { prediction }, [target, ...saved]) => ({
      prediction: kernel.backward({ dloss, prediction, target, saved }).dprediction,
    }),
  });
  return loss;
}

function unitRows(x: Tensor): Tensor {
  return tf.div(x, tf.sqrt(tf.sum(tf.square(x), -1, true)));
}
