/** Looking up, counting and updating codes. @module */

import type { Kernels } from "../../kernels.ts";
import { bestColumnJob, codebookUpdateJob, stretchRows } from "../jobs/row_jobs.ts";
import { addressOf, type Runtime, withScratch } from "../runtime.ts";
import { multiplyMatrices } from "./matrix_product.ts";
import { rowOptions } from "./row_kernels.ts";

/** Codes whose scores exist at once. */
const chunkCodes = 1024;

/** See {@link Kernels.nearestCode}: the largest product of unit vectors is the nearest. */
export function createNearestCode(runtime: Runtime): Kernels["nearestCode"] {
  const { tensors, pool } = runtime;
  return ({ z, codebook }) => {
    const [rows, depth] = z.shape;
    const codes = codebook.shape[0];
    const best = tensors.empty([rows, 2]);
    const state = tensors.view(best);
    for (let row = 0; row < rows; row++) state.set([-Infinity, 0], row * 2);
    withScratch(runtime, rows * Math.min(codes, chunkCodes) * 4, (scores) => {
      for (let base = 0; base < codes; base += chunkCodes) {
        const columns = Math.min(chunkCodes, codes - base);
        multiplyMatrices(runtime, [{
          rows,
          columns,
          depth,
          a: { address: addressOf(runtime, z) },
          b: { address: addressOf(runtime, codebook) + base * depth * 4, isTransposed: true },
          c: { address: scores },
        }]);
        pool.run(bestColumnJob, {
          scores,
          rows,
          columns,
          base,
          state: addressOf(runtime, best),
          length: stretchRows(rows).length,
        }, rowOptions(rows, columns));
      }
    });
    const ids = tensors.empty([rows], "int32");
    const idValues = tensors.view(ids);
    for (let row = 0; row < rows; row++) idValues[row] = state[row * 2 + 1];
    best.dispose();
    return ids;
  };
}

/** See {@link Kernels.codeStatistics}; on one thread, so that the order of sums is the rows'. */
export function createCodeStatistics(runtime: Runtime): Kernels["codeStatistics"] {
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
}

/** See {@link Kernels.emaCodebookUpdate}. */
export function createEmaCodebookUpdate(runtime: Runtime): Kernels["emaCodebookUpdate"] {
  const { tensors, pool } = runtime;
  return ({ codebook, clusterSize, counts, sums, decay }) => {
    const [rows, columns] = codebook.shape;
    const updated = tensors.empty(codebook.shape);
    pool.run(codebookUpdateJob, {
      codebook: addressOf(runtime, codebook),
      counts: addressOf(runtime, counts),
      sums: addressOf(runtime, sums),
      updated: addressOf(runtime, updated),
      rows,
      columns,
      length: stretchRows(rows).length,
      decay,
    }, rowOptions(rows, columns));
    const size = tensors.empty(clusterSize.shape);
    const [sizes, old, news] = [size, clusterSize, counts].map((tensor) => tensors.view(tensor));
    for (let code = 0; code < rows; code++) {
      sizes[code] = Math.fround(old[code] * decay) + Math.fround(news[code] * (1 - decay));
    }
    return { codebook: updated, clusterSize: size };
  };
}
