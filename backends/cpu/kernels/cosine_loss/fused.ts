/** The mean of 1 − cos over pairs of rows. @module */

import { tf } from "../../../../deps/tfjs.ts";
import { rowCount, rowsOf, runRows } from "../../rows/rows_task.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

export const cosineLoss: CpuKernel<"cosineLoss"> = {
  descriptions,
  create(runtime) {
    const { tensors } = runtime;
    return {
      forward({ prediction, target }) {
        const [rows, columns] = prediction.shape;
        const result = tensors.empty([rows, 3]);
        const matrices = [prediction, target, result].map((tensor) => rowsOf(runtime, tensor));
        runRows(runtime, "cosine", { rows, columns }, [...matrices, rowCount, columns]);
        const values = tensors.view(result);
        let sum = 0;
        for (let row = 0; row < rows; row++) sum += 1 - values[row * 3];
        return { loss: tf.scalar(sum / rows), saved: [result] };
      },
      backward({ dloss, prediction, target, saved: [result] }) {
        const [rows, columns] = prediction.shape;
        const dprediction = tensors.empty(prediction.shape);
        const all = [prediction, target, result, dprediction];
        const matrices = all.map((tensor) => rowsOf(runtime, tensor));
        const factor = -tensors.view(dloss)[0] / rows;
        const values = [...matrices, rowCount, columns, factor] as const;
        runRows(runtime, "cosineBackward", { rows, columns }, values);
        return { dprediction };
      },
    };
  },
};
