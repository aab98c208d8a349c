import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { gatherRows } from "./gather_rows.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * The table of relative positions arranged as one matrix of logits per head.
 *
 * @param table [T, H]
 * @param index int32 [N, N], the row of each pair of tokens
 * @returns [H, N, N]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { relativePositionBias } from "./relative_position_bias.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const index = tf.tensor([[0, 1], [1, 0]], [2, 2], "int32");
 *   const bias = relativePositionBias(on, tf.tensor([[1, 10], [2, 20]]), index);
 *   if (String(bias.dataSync()) !== "1,2,2,1,10,20,20,10") throw new Error(`${bias}`);
 * });
 * ```
 */
export function relativePositionBias(on: Context, table: Tensor, index: Tensor): Tensor {
  return observed(
    on,
    "relativePositionBias",
    [table],
    (on) => runRelativePositionBias(on, table, index),
  );
}

function runRelativePositionBias(on: Context, table: Tensor, index: Tensor): Tensor {
  const [rows, heads] = table.shape as [number, number];
  const kernel = on.backend.kernels.relativePositionBias;
  if (kernel === undefined) {
    const pairs = gatherRows(table, tf.reshape(index, [-1]));
    return tf.transpose(tf.reshape(pairs, [...index.shape, heads]), [2, 0, 1]);
  }
  const [y] = recordKernel({
    inputs: { table },
    forward: () => ({ outputs: [kernel.forward({ table, index }).y], saved: [index] }),
    backward: ([dy], _inputs, [index]) => ({
      table: kernel.backward({ dy, index, rows }).dtable,
    }),
  });
  return y;
}
