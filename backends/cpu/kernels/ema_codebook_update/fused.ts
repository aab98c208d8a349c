/** One EMA update of the codebook. @module */

import { rowCount, rowsOf, runRows } from "../../rows/rows_task.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

export const emaCodebookUpdate: CpuKernel<"emaCodebookUpdate"> = {
  descriptions,
  create(runtime) {
    const { tensors } = runtime;
    return ({ codebook, clusterSize, counts, sums, decay }) => {
      const [rows, columns] = codebook.shape;
      const updated = tensors.empty(codebook.shape);
      const all = [codebook, counts, sums, updated];
      const matrices = all.map((tensor) => rowsOf(runtime, tensor));
      const values = [...matrices, rowCount, columns, decay, 1 - decay] as const;
      runRows(runtime, "codebookUpdate", { rows, columns }, values);
      const size = tensors.empty(clusterSize.shape);
      const [sizes, old, news] = [size, clusterSize, counts].map((tensor) => tensors.view(tensor));
      for (let code = 0; code < rows; code++) {
        sizes[code] = Math.fround(old[code] * decay) + Math.fround(news[code] * (1 - decay));
      }
      return { codebook: updated, clusterSize: size };
    };
  },
};
