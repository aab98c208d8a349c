/** The relative-position bias of each head. @module */

import { addressOf } from "../../runtime.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";
import { relativePositionBiasBackwardJob, relativePositionBiasJob } from "./job.ts";

export const relativePositionBias: CpuKernel<"relativePositionBias"> = {
  descriptions,
  create(runtime) {
    const { tensors, pool } = runtime;
    return {
      forward({ table, index }) {
        const heads = table.shape[1] as number;
        const y = tensors.empty([heads, ...index.shape]);
        pool.run(relativePositionBiasJob, {
          table: addressOf(runtime, table),
          index: addressOf(runtime, index),
          y: addressOf(runtime, y),
          count: index.size,
          heads,
        }, { items: heads, work: 4 * y.size });
        return { y };
      },
      backward({ dy, index, rows }) {
        const heads = dy.shape[0];
        const dtable = tensors.empty([rows, heads]);
        const address = addressOf(runtime, dtable);
        pool.kernels.fill(address, dtable.size, 0);
        pool.run(relativePositionBiasBackwardJob, {
          dy: addressOf(runtime, dy),
          index: addressOf(runtime, index),
          dtable: address,
          count: index.size,
          heads,
        }, { items: heads, work: 4 * dy.size });
        return { dtable };
      },
    };
  },
};
