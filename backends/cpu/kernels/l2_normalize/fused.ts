/** Rows to unit length. @module */

import { rowCount, rowsOf, runRows } from "../../rows/rows_task.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

export const l2Normalize: CpuKernel<"l2Normalize"> = {
  descriptions,
  create(runtime) {
    const { tensors } = runtime;
    return {
      forward({ x }) {
        const [rows, columns] = x.shape;
        const y = tensors.empty(x.shape);
        const norms = tensors.empty([rows]);
        const [from, to, divisors] = [x, y, norms].map((tensor) => rowsOf(runtime, tensor));
        const values = [from, to, divisors, rowCount, columns] as const;
        runRows(runtime, "normalize", { rows, columns }, values);
        return { y, saved: [norms] };
      },
      backward({ dy, y, saved: [norms] }) {
        const [rows, columns] = y.shape;
        const dx = tensors.empty(y.shape);
        const matrices = [dy, y, norms, dx].map((tensor) => rowsOf(runtime, tensor));
        const values = [...matrices, rowCount, columns] as const;
        runRows(runtime, "normalizeBackward", { rows, columns }, values);
        return { dx };
      },
    };
  },
};
