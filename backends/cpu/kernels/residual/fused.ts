/** Residual connections with layer scale and drop path. @module */

import type { Tensor } from "../../../../deps/tfjs.ts";
import { columnSums } from "../../column_sums/column_sums.ts";
import { onesOffset } from "../../memory/arena.ts";
import { rowOptions } from "../../rows/rows_task.ts";
import { addressOf, withScratch } from "../../runtime.ts";
import { task } from "../../threads/program.ts";
import { stretchRows } from "../../threads/stretches.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";
import { residualBackwardJob, residualJob } from "./job.ts";

export const residual: CpuKernel<"residual"> = {
  descriptions,
  create(runtime) {
    const { tensors, pool } = runtime;
    const at = (tensor: Tensor) => addressOf(runtime, tensor);
    const common = (branch: Tensor, gamma: Tensor | null, keep: Tensor | null) => {
      const columns = branch.shape.at(-1) as number;
      const rows = branch.size / Math.max(columns, 1);
      return {
        branch: at(branch),
        gamma: addressOf(runtime, gamma),
        keep: keep === null ? onesOffset : at(keep),
        keepStep: keep === null ? 0 : 4,
        rows,
        columns,
        length: stretchRows(rows).length,
        perSample: Math.max(1, rows / Math.max(branch.shape[0], 1)),
      };
    };
    return {
      forward({ x, branch, gamma, keep }) {
        const y = tensors.empty(x.shape);
        const values = common(branch, gamma, keep);
        const options = rowOptions(values.rows, values.columns);
        pool.run(residualJob, { ...values, x: at(x), y: at(y) }, options);
        return { y };
      },
      backward({ dy, branch, gamma, keep }) {
        const dbranch = tensors.empty(branch.shape);
        const values = common(branch, gamma, keep);
        const { rows, columns } = values;
        const { stretches } = stretchRows(rows);
        const dgamma = withScratch(runtime, stretches * columns * 4, (dgammas) => {
          const gradients = task(
            residualBackwardJob,
            { ...values, dy: at(dy), dbranch: at(dbranch), dgammas },
            rowOptions(rows, columns),
          );
          const sum = gamma === null
            ? null
            : columnSums(runtime, { address: dgammas, rows: stretches, columns });
          pool.runStages([[gradients], sum === null ? [] : [sum.task]]);
          return sum && sum.sums;
        });
        return { dbranch, dgamma };
      },
    };
  },
};
