/** Counts and sums the rows of each code, on one thread, so that sums follow the order of rows. @module */

import { addressOf } from "../../runtime.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

export const codeStatistics: CpuKernel<"codeStatistics"> = {
  descriptions,
  create(runtime) {
    const { tensors, pool } = runtime;
    return ({ z, ids, codes }) => {
      const [rows, columns] = z.shape;
      const counts = tensors.empty([codes]);
      const sums = tensors.empty([codes, columns]);
      const [countAddress, sumAddress] = [addressOf(runtime, counts), addressOf(runtime, sums)];
      pool.kernels.fill(countAddress, counts.size, 0);
      pool.kernels.fill(sumAddress, sums.size, 0);
      pool.kernels.codeStatistics(
        addressOf(runtime, z),
        addressOf(runtime, ids),
        countAddress,
        sumAddress,
        rows,
        columns,
      );
      return { counts, sums };
    };
  },
};
