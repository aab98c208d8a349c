/** Layer norm of rows. @module */

import type { Tensor } from "../../../../deps/tfjs.ts";
import { columnSums } from "../../column_sums/column_sums.ts";
import { rowCount, rowsOf, rowsTask, runRows } from "../../rows/rows_task.ts";
import { takesBfloat16 } from "../../products/multiply_matrices.ts";
import { addressOf, withScratch } from "../../runtime.ts";
import { stretchRows } from "../../threads/stretches.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

export const layerNorm: CpuKernel<"layerNorm"> = {
  descriptions,
  create(runtime) {
    const { tensors, pool } = runtime;
    const at = (tensor: Tensor) => addressOf(runtime, tensor);
    return {
      forward({ x, weight, bias, epsilon, productPrecision = "float32" }) {
        const [rows, columns] = x.shape;
        // Products would round it anyway.
        const isRounded = columns > 0 && columns % 32 === 0 &&
          takesBfloat16(runtime, productPrecision);
        const y = isRounded ? tensors.emptyBfloat16(x.shape) : tensors.empty(x.shape);
        const yRows = isRounded
          ? { address: tensors.pointerToBfloat16(y) as number, rowBytes: columns * 2 }
          : rowsOf(runtime, y);
        const statistics = tensors.empty([rows, 2]);
        const kernel = isRounded ? "layerNormToBfloat16" : "layerNorm";
        runRows(runtime, kernel, { rows, columns }, [
          rowsOf(runtime, x),
          at(weight),
          at(bias),
          yRows,
          rowsOf(runtime, statistics),
          rowCount,
          columns,
          epsilon,
          1 / columns,
        ]);
        return { y, saved: [statistics] };
      },
      addsGradient: true,
      backward({ dy, x, weight, saved: [statistics], soFar }) {
        const [rows, columns] = x.shape;
        const { stretches } = stretchRows(rows);
        const dx = tensors.empty(x.shape);
        const partialBytes = stretches * columns * 4;
        return withScratch(runtime, 2 * partialBytes, (dweights) => {
          const dbiases = dweights + partialBytes;
          const sum = (address: number) =>
            columnSums(runtime, { address, rows: stretches, columns });
          const [dweight, dbias] = [sum(dweights), sum(dbiases)];
          const sums = (address: number) => ({ address, stretchBytes: columns * 4 });
          const kernel = soFar === undefined ? "layerNormBackward" : "layerNormBackwardSum";
          const gradients = rowsTask(runtime, kernel, { rows, columns }, [
            rowsOf(runtime, dy),
            rowsOf(runtime, x),
            at(weight),
            rowsOf(runtime, statistics),
            rowsOf(runtime, dx),
            sums(dweights),
            sums(dbiases),
            rowCount,
            columns,
            ...(soFar === undefined ? [] : [rowsOf(runtime, soFar)]),
            1 / columns,
          ]);
          pool.runStages([[gradients], [dweight.task, dbias.task]]);
          return { dx, dweight: dweight.sums, dbias: dbias.sums };
        });
      },
    };
  },
};
