/** Runs a kernel on rows, divided among threads, without a dedicated job. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import { addressOf, type Runtime } from "../runtime.ts";
import type { Task } from "../threads/program.ts";
import { stretchRows } from "../threads/stretches.ts";
import { mostArguments, rowCountStep, rowsJob } from "./job.ts";

/** A matrix in memory, whose rows the kernel visits. */
export interface Rows {
  readonly address: number;
  readonly rowBytes: number;
}

/** The argument that says how many rows there are. */
export const rowCount = Symbol("rowCount");

/** Sums over rows: each stretch gets a row of zeros to add to. `columnSums` then adds up the rows. */
export interface StretchSums {
  readonly address: number;
  readonly stretchBytes: number;
}

/** A number that is the same for all rows, a matrix, sums over rows, or the number of rows. */
export type RowArgument = number | Rows | StretchSums | typeof rowCount;

/** Roughly how many multiplications a kernel takes per element. */
const rowWork = 4;

/** Items and work of a job over rows. */
export function rowOptions(
  rows: number,
  columns: number,
  workPerElement: number = rowWork,
): { items: number; work: number } {
  return { items: stretchRows(rows).stretches, work: rows * columns * workPerElement };
}

/** The rows of a tensor, one for each index of its first axis. */
export function rowsOf(runtime: Runtime, tensor: Tensor): Rows {
  const rowBytes = tensor.size / Math.max(tensor.shape[0], 1) * 4;
  return { address: addressOf(runtime, tensor), rowBytes };
}

/** What the kernel works on, and roughly how many multiplications it takes per element. */
export interface RowsShape {
  readonly rows: number;
  readonly columns: number;
  readonly workPerElement?: number;
}

/** A task for `kernel`, which takes `values` in the order of its parameters. */
export function rowsTask(
  { pool }: Runtime,
  kernel: string,
  { rows, columns, workPerElement }: RowsShape,
  values: readonly RowArgument[],
): Task {
  const number = pool.kernelNumbers.get(kernel);
  if (number === undefined || values.length > mostArguments) {
    throw new Error(`Cannot call the kernel "${kernel}" with ${values.length} arguments for rows`);
  }
  const { length } = stretchRows(rows);
  const fields: Record<string, number> = { kernel: number, arguments: values.length, rows, length };
  values.forEach((argument, index) => place(fields, index, argument));
  return {
    name: kernel,
    job: rowsJob,
    values: fields,
    ...rowOptions(rows, columns, workPerElement),
  };
}

/** Sets the fields of an argument that {@link rowsJob} reads. */
function place(fields: Record<string, number>, index: number, argument: RowArgument): void {
  let [value, rowStep, stretchStep] = [0, 0, 0];
  if (argument === rowCount) rowStep = rowCountStep;
  else if (typeof argument === "number") value = argument;
  else {
    value = argument.address;
    if ("rowBytes" in argument) rowStep = argument.rowBytes;
    else stretchStep = argument.stretchBytes;
  }
  fields[3 * index] = value;
  fields[3 * index + 1] = rowStep;
  fields[3 * index + 2] = stretchStep;
}

/** Runs a {@link rowsTask}. */
export function runRows(
  runtime: Runtime,
  kernel: string,
  shape: RowsShape,
  values: readonly RowArgument[],
): void {
  runtime.pool.runStages([[rowsTask(runtime, kernel, shape, values)]]);
}
