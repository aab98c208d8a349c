/** Some rows of a matrix. @module */

import { rowCount, rowsOf, runRows } from "../../rows/rows_task.ts";
import { addressOf } from "../../runtime.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

export const selectRows: CpuKernel<"selectRows"> = {
  descriptions,
  create(runtime) {
    const { tensors, pool } = runtime;
    return {
      forward({ x, rows }) {
        const columns = x.shape[1]!;
        const y = tensors.empty([rows.size, columns]);
        const [source, index] = [addressOf(runtime, x), rowsOf(runtime, rows)];
        const values = [source, index, rowsOf(runtime, y), rowCount, columns] as const;
        runRows(runtime, "gatherRows", { rows: rows.size, columns }, values);
        return { y };
      },
      // Each row is selected at most once, so no two items add to the same one.
      backward({ dy, rows, rowCount: allRows }) {
        const columns = dy.shape[1]!;
        const dx = tensors.empty([allRows, columns]);
        const target = addressOf(runtime, dx);
        pool.kernels.fill(target, dx.size, 0);
        const values = [
          rowsOf(runtime, dy),
          rowsOf(runtime, rows),
          target,
          rowCount,
          columns,
        ] as const;
        runRows(runtime, "scatterRows", { rows: rows.size, columns }, values);
        return { dx };
      },
    };
  },
};
