import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { alias, asRows } from "../tfjs/handles.ts";
import { gatherRows } from "./gather_rows.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * Selected tokens of a batch, wherever they are.
 *
 * @param x [B, N, C]
 * @param rows int32 [M], each at most once: rows of `x` viewed as [B·N, C]
 * @returns [M, C], in the order of `rows`
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { selectRows } from "./select_rows.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const x = tf.tensor([[[1], [2]], [[3], [4]]]);
 *   const chosen = selectRows(on, x, tf.tensor1d([3, 0], "int32"));
 *   if (String(chosen.dataSync()) !== "4,1") throw new Error(`${chosen}`);
 * });
 * ```
 */
export function selectRows(on: Context, x: Tensor, rows: Tensor): Tensor {
  return observed(on, "selectRows", [], (on) => {
    const kernel = on.backend.kernels.selectRows;
    if (kernel === undefined) {
      return gatherRows(tf.reshape(x, [-1, x.shape.at(-1)!]), rows);
    }
    const rowCount = x.size / x.shape.at(-1)!;
    const { shape } = x;
    const [y] = recordKernel({
      inputs: { x },
      forward: () => {
        const { y } = kernel.forward({ x: asRows(x), rows, precision: on.precision });
        return { outputs: [y], saved: [rows] };
      },
      backward: ([dy], _inputs, [rows]) => {
        return { x: alias(kernel.backward({ dy, rows, rowCount }).dx, shape) };
      },
    });
    return y;
  });
}
