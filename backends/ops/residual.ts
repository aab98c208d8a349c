import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * x + keep·gamma·branch: layer scale, drop path and residual connection in one op.
 *
 * @param x [B, N, C] or [B, C]
 * @param branch of the same shape
 * @param gamma layer scale [C], or null
 * @param keep drop path [B], 0 or 1/keep probability for each sample, or null
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { residual } from "./residual.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const y = residual(on, tf.ones([2, 1, 1]), tf.ones([2, 1, 1]), null, tf.tensor1d([0, 2]));
 *   if (String(y.dataSync()) !== "1,3") throw new Error(`${y}`);
 * });
 * ```
 */
export function residual(
  on: Context,
  x: Tensor,
  branch: Tensor,
  gamma: Tensor | null,
  keep: Tensor | null,
): Tensor {
  return observed(on, "residual", [gamma], (on) => runResidual(on, x, branch, gamma, keep));
}

function runResidual(
  on: Context,
  x: Tensor,
  branch: Tensor,
  gamma: Tensor | null,
  keep: Tensor | null,
): Tensor {
  const kernel = on.backend.kernels.residual;
  if (kernel === undefined) return composeResidual(x, branch, gamma, keep);
  const [y] = recordKernel<Record<string, Tensor>>({
    inputs: gamma === null ? { x, branch } : { x, branch, gamma },
    forward: () => {
      const { y } = kernel.forward({ x, branch, gamma, keep });
      return { outputs: [y], saved: keep === null ? [] : [keep] };
    },
    backward: ([dy], inputs, saved) => {
      const { dbranch, dgamma } = kernel.backward({
        dy,
        branch: inputs.branch,
        gamma: inputs.gamma ?? null,
        keep: saved[0] ?? null,
      });
      return { x: dy, branch: dbranch, ...(dgamma && { gamma: dgamma }) };
    },
  });
  return y;
}

function composeResidual(
  x: Tensor,
  branch: Tensor,
  gamma: Tensor | null,
  keep: Tensor | null,
): Tensor {
  const keepShape = [-1, ...x.shape.slice(1).fill(1)];
  const scaled = gamma === null ? branch : tf.mul(branch, gamma);
  const kept = keep === null ? scaled : tf.mul(scaled, tf.reshape(keep, keepShape));
  return tf.add(x, kept);
}
