/** The cosine loss of the tokenizer's decoder. @module */

import backwardCode from "./cosine_loss_backward.wgsl" with { type: "text" };
import forwardCode from "./cosine_loss.wgsl" with { type: "text" };
import meanCode from "../../shaders/mean_columns.wgsl" with { type: "text" };
import rowSums from "../../shaders/row_sums.wgsl" with { type: "text" };
import type { CosineLossKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { rowsOf, WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const FORWARD = { name: "cosine_loss", code: forwardCode, includes: [rowSums] };
const BACKWARD = { name: "cosine_loss_backward", code: backwardCode };
const MEAN = { name: "mean_columns", code: meanCode, includes: [rowSums] };

export function cosineLossKernel({ runner }: KernelTools): CosineLossKernel {
  const { runtime } = runner;
  return {
    forward({ prediction, target }) {
      const { rows, width } = rowsOf(prediction);
      const rowResults = runtime.allocate([rows, 4]);
      runner.run({
        file: FORWARD,
        constants: { WORKGROUP },
        reads: { prediction, goal: target },
        writes: { rowResults: runner.floats(rowResults) },
        uniforms: { rows, width },
        isQuadWide: width % 4 === 0,
        grid: foldedGrid(rows, 1),
      });
      const loss = runtime.allocate([]);
      runner.run({
        file: MEAN,
        constants: { WORKGROUP: 256, COLUMNS: 4, FIRST_COLUMN: 0, HAS_SECOND: false },
        reads: { table: runner.floats(rowResults) },
        writes: { first: runner.floats(loss), second: { floats: null } },
        uniforms: { rows },
        isQuadWide: false,
        grid: [1, 1, 1],
      });
      return { loss, saved: [rowResults] };
    },
    backward({ dloss, prediction, target, saved: [rowResults] }) {
      const { rows, width, quadsPerRow } = rowsOf(prediction);
      const dprediction = runtime.allocate(prediction.shape);
      runner.run({
        file: BACKWARD,
        constants: { WORKGROUP },
        reads: {
          prediction,
          goal: target,
          rowResults: runner.floats(rowResults),
          dloss: runner.floats(dloss),
        },
        writes: { dprediction },
        uniforms: { rows, width, quadsPerRow },
        isQuadWide: width % 4 === 0,
        grid: foldedGrid(rows * quadsPerRow, WORKGROUP),
      });
      return { dprediction };
    },
  };
}
