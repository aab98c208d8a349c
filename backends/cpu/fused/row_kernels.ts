/** Layer norm, residual, choice of rows, unit vectors and cosine loss. @module */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type {
  CosineLossKernel,
  L2NormalizeKernel,
  LayerNormKernel,
  ResidualKernel,
  SelectRowsKernel,
} from "../../kernels.ts";
import {
  cosineBackwardJob,
  cosineJob,
  gatherRowsJob,
  layerNormBackwardJob,
  layerNormJob,
  normalizeBackwardJob,
  normalizeJob,
  residualBackwardJob,
  residualJob,
  scatterRowsJob,
  stretchRows,
} from "../jobs/row_jobs.ts";
import { onesOffset } from "../memory/arena.ts";
import { addressOf, type Runtime, withScratch } from "../runtime.ts";
import { task } from "../threads/program.ts";
import { columnSums } from "./linear.ts";

/** Multiplications per element of a row kernel, roughly. */
const rowWork = 4;

/** How a job over rows is run. */
export function rowOptions(rows: number, columns: number): { items: number; work: number } {
  return { items: stretchRows(rows).stretches, work: rows * columns * rowWork };
}

/** See {@link LayerNormKernel}. */
export function createLayerNorm(runtime: Runtime): LayerNormKernel {
  const { tensors, pool } = runtime;
  const at = (tensor: Tensor) => addressOf(runtime, tensor);
  return {
    forward({ x, weight, bias, epsilon }) {
      const [rows, columns] = x.shape;
      const y = tensors.empty(x.shape);
      const statistics = tensors.empty([rows, 2]);
      pool.run(layerNormJob, {
        x: at(x),
        weight: at(weight),
        bias: at(bias),
        y: at(y),
        statistics: at(statistics),
        rows,
        columns,
        length: stretchRows(rows).length,
        epsilon,
      }, rowOptions(rows, columns));
      return { y, saved: [statistics] };
    },
    backward({ dy, x, weight, saved: [statistics] }) {
      const [rows, columns] = x.shape;
      const { stretches, length } = stretchRows(rows);
      const dx = tensors.empty(x.shape);
      const partialBytes = stretches * columns * 4;
      return withScratch(runtime, 2 * partialBytes, (dweights) => {
        const dbiases = dweights + partialBytes;
        const sum = (address: number) => columnSums(runtime, { address, rows: stretches, columns });
        const [dweight, dbias] = [sum(dweights), sum(dbiases)];
        const gradients = task(layerNormBackwardJob, {
          dy: at(dy),
          x: at(x),
          weight: at(weight),
          statistics: at(statistics),
          dx: at(dx),
          dweights,
          dbiases,
          rows,
          columns,
          length,
        }, rowOptions(rows, columns));
        pool.runStages([[gradients], [dweight.task, dbias.task]]);
        return { dx, dweight: dweight.sums, dbias: dbias.sums };
      });
    },
  };
}

/** See {@link ResidualKernel}. */
export function createResidual(runtime: Runtime): ResidualKernel {
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
}

/** See {@link SelectRowsKernel}. */
export function createSelectRows(runtime: Runtime): SelectRowsKernel {
  const { tensors, pool } = runtime;
  const move = (job: typeof gatherRowsJob, source: Tensor, numbers: Tensor, target: Tensor) => {
    const rows = numbers.size;
    const columns = source.shape[1]!;
    pool.run(job, {
      source: addressOf(runtime, source),
      index: addressOf(runtime, numbers),
      target: addressOf(runtime, target),
      rows,
      columns,
      length: stretchRows(rows).length,
    }, rowOptions(rows, columns));
  };
  return {
    forward({ x, rows }) {
      const y = tensors.empty([rows.size, x.shape[1]!]);
      move(gatherRowsJob, x, rows, y);
      return { y };
    },
    backward({ dy, rows, rowCount }) {
      const dx = tensors.empty([rowCount, dy.shape[1]!]);
      pool.kernels.fill(addressOf(runtime, dx), dx.size, 0);
      move(scatterRowsJob, dy, rows, dx);
      return { dx };
    },
  };
}

/** See {@link L2NormalizeKernel}. */
export function createL2Normalize(runtime: Runtime): L2NormalizeKernel {
  const { tensors, pool } = runtime;
  const at = (tensor: Tensor) => addressOf(runtime, tensor);
  return {
    forward({ x }) {
      const [rows, columns] = x.shape;
      const y = tensors.empty(x.shape);
      const norms = tensors.empty([rows]);
      const { length } = stretchRows(rows);
      const values = { x: at(x), y: at(y), norms: at(norms), rows, columns, length };
      pool.run(normalizeJob, values, rowOptions(rows, columns));
      return { y, saved: [norms] };
    },
    backward({ dy, y, saved: [norms] }) {
      const [rows, columns] = y.shape;
      const dx = tensors.empty(y.shape);
      const { length } = stretchRows(rows);
      pool.run(
        normalizeBackwardJob,
        { dy: at(dy), y: at(y), norms: at(norms), dx: at(dx), rows, columns, length },
        rowOptions(rows, columns),
      );
      return { dx };
    },
  };
}

/** See {@link CosineLossKernel}. */
export function createCosineLoss(runtime: Runtime): CosineLossKernel {
  const { tensors, pool } = runtime;
  const at = (tensor: Tensor) => addressOf(runtime, tensor);
  return {
    forward({ prediction, target }) {
      const [rows, columns] = prediction.shape;
      const result = tensors.empty([rows, 3]);
      pool.run(cosineJob, {
        prediction: at(prediction),
        target: at(target),
        result: at(result),
        rows,
        columns,
        length: stretchRows(rows).length,
      }, rowOptions(rows, columns));
      const values = tensors.view(result);
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += 1 - values[row * 3];
      return { loss: tf.scalar(sum / rows), saved: [result] };
    },
    backward({ dloss, prediction, target, saved: [result] }) {
      const [rows, columns] = prediction.shape;
      const dprediction = tensors.empty(prediction.shape);
      pool.run(cosineBackwardJob, {
        prediction: at(prediction),
        target: at(target),
        result: at(result),
        dprediction: at(dprediction),
        rows,
        columns,
        length: stretchRows(rows).length,
        factor: -tensors.view(dloss)[0] / rows,
      }, rowOptions(rows, columns));
      return { dprediction };
    },
  };
}
