/** Codes whose scores are in memory at the same time. */
const chunkCodes = 1024;

/** The nearest code: the largest product of unit vectors. @module */

import { multiplyMatrices } from "../../products/multiply_matrices.ts";
import { rowCount, rowsOf, runRows } from "../../rows/rows_task.ts";
import { addressOf, withScratch } from "../../runtime.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

export const nearestCode: CpuKernel<"nearestCode"> = {
  descriptions,
  create(runtime) {
    const { tensors } = runtime;
    return ({ z, codebook }) => {
      const [rows, depth] = z.shape;
      const codes = codebook.shape[0];
      const best = tensors.empty([rows, 2]);
      const state = tensors.view(best);
      for (let row = 0; row < rows; row++) state.set([-Infinity, 0], row * 2);
      withScratch(runtime, rows * Math.min(codes, chunkCodes) * 4, (scores) => {
        for (let base = 0; base < codes; base += chunkCodes) {
          const columns = Math.min(chunkCodes, codes - base);
          multiplyMatrices(runtime, [{
            rows,
            columns,
            depth,
            a: { address: addressOf(runtime, z) },
            b: { address: addressOf(runtime, codebook) + base * depth * 4, isTransposed: true },
            c: { address: scores },
          }]);
          const rowBytes = columns * 4;
          runRows(runtime, "bestColumn", { rows, columns }, [
            { address: scores, rowBytes },
            rowBytes,
            rowCount,
            columns,
            base,
            rowsOf(runtime, best),
          ]);
        }
      });
      const ids = tensors.empty([rows], "int32");
      const idValues = tensors.view(ids);
      for (let row = 0; row < rows; row++) idValues[row] = state[row * 2 + 1];
      best.dispose();
      return ids;
    };
  },
};
