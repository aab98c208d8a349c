/**
 * The language-model head and its softmax cross-entropy. The logits are computed a chunk of rows at
 * a time, and again in the backward pass instead of being kept.
 *
 * @module
 */

import backwardCode from "./cross_entropy_backward.wgsl" with { type: "text" };
import bestCode from "../../shaders/row_best.wgsl" with { type: "text" };
import ownBestCode from "../../shaders/own_best.wgsl" with { type: "text" };
import forwardCode from "./cross_entropy.wgsl" with { type: "text" };
import meanCode from "../../shaders/mean_columns.wgsl" with { type: "text" };
import rowSums from "../../shaders/row_sums.wgsl" with { type: "text" };
import type { LinearCrossEntropyKernel } from "../../../kernels.ts";
import { float, foldedGrid } from "../../shaders/shader_runner.ts";
import { eachStretchOfLogits } from "../../products/logits.ts";
import { rowsOf, storageFor, WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const FORWARD = {
  name: "cross_entropy",
  code: forwardCode,
  includes: [rowSums, bestCode, ownBestCode],
};
const BACKWARD = { name: "cross_entropy_backward", code: backwardCode };
const MEAN = { name: "mean_columns", code: meanCode, includes: [rowSums] };

export function linearCrossEntropyKernel(
  { runner, products }: KernelTools,
): LinearCrossEntropyKernel {
  const { runtime } = runner;
  return {
    forward({ x, weight, bias, targets, precision }) {
      const rowCount = x.shape[0];
      const [codes, width] = weight.shape as [number, number];
      if (storageFor(precision, codes, width) === "float16") runner.demoteIfAllowed(x);
      const rowResults = runtime.allocate([rowCount, 3]);
      const isRounded = precision === "float16";
      eachStretchOfLogits(
        runner,
        products,
        { x, weight, bias, isRounded },
        (logits, first) => {
          runner.run({
            file: FORWARD,
            constants: { WORKGROUP },
            reads: { logits, targets },
            writes: { rowResults: runner.floats(rowResults) },
            uniforms: { rows: logits.shape[0], width: codes, firstRow: first },
            isQuadWide: codes % 4 === 0,
            grid: foldedGrid(logits.shape[0], 1),
          });
        },
      );
      const loss = runtime.allocate([]);
      const correct = runtime.allocate([]);
      runner.run({
        file: MEAN,
        constants: { WORKGROUP: 256, COLUMNS: 3, FIRST_COLUMN: 1, HAS_SECOND: true },
        reads: { table: runner.floats(rowResults) },
        writes: { first: runner.floats(loss), second: runner.floats(correct) },
        uniforms: { rows: rowCount },
        isQuadWide: false,
        grid: [1, 1, 1],
      });
      return { loss, correct, saved: [rowResults] };
    },
    backward({ dloss, x, weight, bias, targets, saved: [rowResults], precision }) {
      const [codes, width] = weight.shape as [number, number];
      const rowCount = x.shape[0];
      const isRounded = precision === "float16";
      const dweight = runtime.allocateGradient(weight);
      const dbias = runtime.allocateGradient(bias);
      const dx = runtime.allocate(x.shape);
      const storage = storageFor(precision, codes, width);
      eachStretchOfLogits(
        runner,
        products,
        { x, weight, bias, isRounded },
        (logits, first) => {
          const count = logits.shape[0];
          const dlogits = runtime.allocate(logits.shape, "float32", storage);
          const { quadsPerRow } = rowsOf(logits);
          runner.run({
            file: BACKWARD,
            constants: { WORKGROUP },
            reads: {
              logits,
              targets,
              rowResults: runner.floats(rowResults),
              dloss: runner.floats(dloss),
            },
            writes: { dlogits },
            uniforms: {
              rows: count,
              width: codes,
              quadsPerRow,
              firstRow: first,
              rowsInAll: float(rowCount),
            },
            isQuadWide: codes % 4 === 0,
            grid: foldedGrid(count * quadsPerRow, WORKGROUP),
          });
          products.runBackward({
            dz: dlogits,
            x,
            weight,
            dx,
            dweight,
            dbias,
            firstRow: first,
            isAdded: first > 0,
            isRounded,
          });
          dlogits.dispose();
        },
      );
      return { dx, dweight, dbias };
    },
  };
}
