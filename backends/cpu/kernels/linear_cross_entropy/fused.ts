/** The language-model head and its loss, in chunks of the vocabulary. @module */

import { type Tensor, tf } from "../../../../deps/tfjs.ts";
import type { Precision } from "../../../backend.ts";
import { columnSums } from "../../column_sums/column_sums.ts";
import { multiplyMatrices } from "../../products/multiply_matrices.ts";
import { rowCount, rowsOf, rowsTask, runRows } from "../../rows/rows_task.ts";
import { addressOf, type Runtime, withScratch } from "../../runtime.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";

/** Codes whose logits are in memory at the same time. */
const chunkCodes = 1024;

/** Roughly how many multiplications one exponential costs. */
const exponentialWork = 20;

/** Floats of a row's state: maximum, Σ e^(l − max), column of the maximum, logit of the target. */
const stateSize = 4;

interface Operands {
  x: Tensor;
  weight: Tensor;
  bias: Tensor;
  targets: Tensor;
  precision: Precision;
}

interface Chunk {
  /** First code, number of codes, and where their logits [M, codes] are. */
  base: number;
  codes: number;
  logits: number;
}

/** Visits the logits chunk by chunk. */
function forChunks(
  runtime: Runtime,
  { x, weight, bias, precision }: Operands,
  visit: (chunk: Chunk) => void,
): void {
  const [allCodes, depth] = weight.shape;
  const rows = x.shape[0];
  withScratch(runtime, rows * Math.min(chunkCodes, allCodes) * 4, (logits) => {
    for (let base = 0; base < allCodes; base += chunkCodes) {
      const codes = Math.min(chunkCodes, allCodes - base);
      multiplyMatrices(runtime, [{
        rows,
        columns: codes,
        depth,
        a: { address: addressOf(runtime, x) },
        b: { address: addressOf(runtime, weight) + base * depth * 4, isTransposed: true },
        c: { address: logits },
        start: { bias: addressOf(runtime, bias) + base * 4 },
        precision,
      }]);
      visit({ base, codes, logits });
    }
  });
}

/** The arguments that the kernels on a chunk's rows share. */
function chunkCall(runtime: Runtime, { targets }: Operands, state: Tensor, chunk: Chunk) {
  const { logits, codes: columns, base } = chunk;
  const rowBytes = columns * 4;
  const rows = [targets, state].map((tensor) => rowsOf(runtime, tensor));
  return {
    shape: { rows: targets.size, columns, workPerElement: exponentialWork },
    values: [{ address: logits, rowBytes }, rowBytes, rowCount, columns, base, ...rows] as const,
  };
}

function forward(runtime: Runtime, operands: Operands) {
  const { tensors } = runtime;
  const rows = operands.targets.size;
  const state = tensors.empty([rows, stateSize]);
  const states = tensors.view(state);
  for (let row = 0; row < rows; row++) {
    const place = row * stateSize;
    states[place] = -Infinity;
    states[place + 1] = states[place + 2] = 0;
    states[place + 3] = NaN;
  }
  forChunks(runtime, operands, (chunk) => {
    const { shape, values } = chunkCall(runtime, operands, state, chunk);
    runRows(runtime, "logitStatistics", shape, values);
  });
  const targets = tensors.view(operands.targets);
  let loss = 0;
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const place = row * stateSize;
    loss += states[place] - states[place + 3] + Math.log(states[place + 1]);
    correct += states[place + 2] === targets[row] ? 1 : 0;
  }
  return { loss: tf.scalar(loss / rows), correct: tf.scalar(correct / rows), saved: [state] };
}

function backward(runtime: Runtime, operands: Operands, state: Tensor, dloss: number) {
  const { tensors } = runtime;
  const { x, weight, precision } = operands;
  const [codes, columns] = weight.shape;
  const rows = x.shape[0];
  const dx = tensors.empty(x.shape);
  const dweight = tensors.empty([codes, columns]);
  const dbias = tensors.empty([codes]);
  const address = addressOf(runtime, dx);
  const factor = dloss / rows;
  forChunks(runtime, operands, (chunk) => {
    const { shape, values } = chunkCall(runtime, operands, state, chunk);
    const gradients = rowsTask(runtime, "logitGradients", shape, [...values, factor]);
    const sums = columnSums(runtime, { address: chunk.logits, rows, columns: chunk.codes });
    multiplyMatrices(runtime, [{
      rows,
      columns,
      depth: chunk.codes,
      a: { address: chunk.logits },
      b: { address: addressOf(runtime, weight) + chunk.base * columns * 4 },
      c: { address },
      start: chunk.base === 0 ? "zero" : { matrix: address, rowBytes: columns * 4 },
      precision,
    }, {
      rows: chunk.codes,
      columns,
      depth: rows,
      a: { address: chunk.logits, isTransposed: true },
      b: { address: addressOf(runtime, x) },
      c: { address: addressOf(runtime, dweight) + chunk.base * columns * 4 },
      precision,
    }], {
      before: [gradients],
      beside: [sums.task],
    });
    tensors.view(dbias).set(tensors.view(sums.sums), chunk.base);
    sums.sums.dispose();
  });
  return { dx, dweight, dbias };
}

export const linearCrossEntropy: CpuKernel<"linearCrossEntropy"> = {
  descriptions,
  create(runtime) {
    return {
      forward: (values) => forward(runtime, values),
      backward: (values) =>
        backward(runtime, values, values.saved[0], runtime.tensors.view(values.dloss)[0]),
    };
  },
};
