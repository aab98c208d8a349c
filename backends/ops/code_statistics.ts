import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { scatterRows } from "./gather_rows.ts";
import { detached } from "../tfjs/record_kernel.ts";

/** What a batch says about each code. */
export interface CodeStatistics {
  /** Rows of each code, [K]. */
  readonly counts: Tensor;
  /** Sum of the rows of each code, [K, D]. */
  readonly sums: Tensor;
}

/**
 * Counts and sums of the rows assigned to each code. They can be added over micro-batches. No
 * gradient.
 *
 * @param z [M, D]
 * @param ids int32 [M], 0 … codes − 1
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { codeStatistics } from "./code_statistics.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const ids = tf.tensor1d([2, 2], "int32");
 *   const { counts, sums } = codeStatistics(on, tf.tensor([[1], [4]]), ids, 3);
 *   if (String(counts.dataSync()) !== "0,0,2") throw new Error(`${counts}`);
 *   if (String(sums.dataSync()) !== "0,0,5") throw new Error(`${sums}`);
 * });
 * ```
 */
export function codeStatistics(
  on: Context,
  z: Tensor,
  ids: Tensor,
  codes: number,
): CodeStatistics {
  const kernel = on.backend.kernels.codeStatistics;
  const [rows, width] = z.shape as [number, number];
  const [counts, sums] = detached(() => {
    if (kernel !== undefined) {
      const statistics = kernel({ z, ids, codes });
      return [statistics.counts, statistics.sums];
    }
    return [
      scatterRows(tf.ones([rows]), ids, [codes]),
      scatterRows(z, ids, [codes, width]),
    ];
  });
  return { counts, sums };
}
