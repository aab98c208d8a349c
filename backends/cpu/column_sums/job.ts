/** Sums down the columns of a matrix, divided by columns: no partial sums, one order. @module */

import { defineJob } from "../threads/job.ts";

const columnsPerItem = 192;

/** Items of {@link columnSumsJob}. */
export function columnSumItems(columns: number): number {
  return Math.ceil(columns / columnsPerItem);
}

/** sums[column] = Σ over the rows of `source`. */
export const columnSumsJob = defineJob(
  "columnSums",
  ["source", "rowBytes", "rows", "columns", "sums"],
  ({ kernels }, { source, rowBytes, rows, columns, sums }, item) => {
    const first = item * columnsPerItem;
    const used = Math.min(columnsPerItem, columns - first);
    kernels.columnSums(source + first * 4, rowBytes, rows, used, sums + first * 4);
  },
);
