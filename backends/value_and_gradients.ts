import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "./backend.ts";
import type { Parameter } from "./parameter.ts";
import { Tape } from "./tfjs/tape.ts";

/** A loss, everything else computed along the way, and gradients: the caller disposes of them. */
export interface ValueAndGradients {
  /** [], not scaled. */
  readonly loss: Tensor;
  readonly outputs: Record<string, Tensor>;
  /** Of `lossScale`·loss, one per trainable parameter, in order. */
  readonly gradients: Tensor[];
}

/**
 * Runs a loss function and computes its gradients; everything else it created is freed. A trainable parameter
 * that the loss does not depend on gets zeros.
 *
 * @param lossScale factor applied to the gradients, so that small ones survive float16
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "./reference/mod.ts";
 * import { valueAndGradients } from "./value_and_gradients.ts";
 * import { Parameter } from "./parameter.ts";
 * import { tf } from "../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const weight = new Parameter("weight", tf.tensor1d([3]));
 *   const loss = () => ({ loss: tf.sum(tf.square(weight.value)), outputs: {} });
 *   const { gradients } = valueAndGradients(on, [weight], loss, 2);
 *   if (gradients[0].dataSync()[0] !== 12) throw new Error(`${gradients[0]}`);
 * });
 * ```
 */
export function valueAndGradients(
  on: Context,
  parameters: readonly Parameter[],
  loss: () => { loss: Tensor; outputs: Record<string, Tensor> },
  lossScale: Tensor | number = 1,
): ValueAndGradients {
  const values = parameters.filter(({ isTrainable }) => isTrainable).map(({ value }) => value);
  return on.backend.run(() =>
    tf.tidy(() => {
      const tape = Tape.open();
      try {
        const computed = loss();
        const scale = typeof lossScale === "number" ? tf.scalar(lossScale) : lossScale;
        const gradients = tape.gradients(computed.loss, values, scale);
        return { loss: computed.loss, outputs: computed.outputs, gradients };
      } finally {
        tape.close();
      }
    })
  ) as unknown as ValueAndGradients;
}
