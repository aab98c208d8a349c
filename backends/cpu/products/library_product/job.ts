/** The matrix product by a library, some rows of the result at a time. @module */

import { defineJob } from "../../threads/job.ts";
import { activationKernelNames } from "../gemm/job.ts";

const largestItems = 8;
const smallestRows = 96;

/** Rows of an item. They depend on the shape alone, because a library's sums may depend on them. */
export function libraryRows(rows: number): number {
  return Math.max(smallestRows, Math.ceil(rows / largestItems));
}

/**
 * c = start + a·b, and activated = f(c). `start` is 0 for zero; its rows are `startRowBytes` apart.
 */
export const libraryProductJob = defineJob(
  "libraryProduct",
  [
    "a",
    "aRowBytes",
    "aIsTransposed",
    "b",
    "bRowBytes",
    "bIsTransposed",
    "c",
    "rowBytes",
    "rows",
    "columns",
    "depth",
    "start",
    "startRowBytes",
    "activation",
    "activated",
  ],
  ({ kernels }, values, item) => {
    const { a, aRowBytes, aIsTransposed, rows, columns, depth, rowBytes, start } = values;
    const first = item * libraryRows(rows);
    const used = Math.min(libraryRows(rows), rows - first);
    const target = values.c + first * rowBytes;
    const from = start + first * values.startRowBytes;
    if (start !== 0 && from !== target) {
      kernels.copyRows(from, values.startRowBytes, target, rowBytes, used, columns);
    }
    kernels.matrixProduct(
      aIsTransposed,
      values.bIsTransposed,
      used,
      columns,
      depth,
      a + first * (aIsTransposed ? 4 : aRowBytes),
      aRowBytes,
      values.b,
      values.bRowBytes,
      start === 0 ? 0 : 1,
      target,
      rowBytes,
    );
    if (values.activation === 0) return;
    const activate = kernels[activationKernelNames[values.activation]];
    for (let row = 0; row < used; row++) {
      const offset = (first + row) * rowBytes;
      activate(values.c + offset, values.activated + offset, columns);
    }
  },
);
