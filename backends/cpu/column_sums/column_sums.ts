/** Sums of columns, alongside other tasks. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import { addressOf, type Runtime } from "../runtime.ts";
import { type Task, task } from "../threads/program.ts";
import { columnSumItems, columnSumsJob } from "./job.ts";

/** The sums of the columns of `source` [rows, columns], as a tensor that the task fills. */
export function columnSums(
  runtime: Runtime,
  source: { address: number; rows: number; columns: number; rowBytes?: number },
): { sums: Tensor; task: Task } {
  const { address, rows, columns } = source;
  const sums = runtime.tensors.empty([columns]);
  const summing = task(columnSumsJob, {
    source: address,
    rowBytes: source.rowBytes ?? columns * 4,
    rows,
    columns,
    sums: addressOf(runtime, sums),
  }, { items: columnSumItems(columns), work: rows * columns });
  return { sums, task: summing };
}
