/** The optimizer's jobs: over all parameters at once, in stretches that a table lists. @module */

import { type Bench, defineJob } from "./job.ts";

/** What the table holds of an item, in this order. */
export interface ParameterStretch {
  readonly parameter: number;
  readonly gradient: number;
  readonly first: number;
  readonly second: number;
  readonly count: number;
  readonly decay: number;
  readonly rate: number;
}

/** Float64 numbers of a row of the table. */
export const rowLength = 7;

/** Writes a row of the table. */
export function writeStretch(table: Float64Array, item: number, row: ParameterStretch): void {
  const { parameter, gradient, first, second, count, decay, rate } = row;
  table.set([parameter, gradient, first, second, count, decay, rate], item * rowLength);
}

function readStretch({ buffer }: Bench, table: number, item: number): ParameterStretch {
  const address = table + item * rowLength * 8;
  const [parameter, gradient, first, second, count, decay, rate] = new Float64Array(
    buffer() as ArrayBuffer,
    address,
    rowLength,
  );
  return { parameter, gradient, first, second, count, decay, rate };
}

/** results[item] = Σ (gradient·factor)² of the item's stretch. */
export const gradientSquaresJob = defineJob(
  "gradientSquares",
  ["table", "results", "factor"],
  (bench, { table, results, factor }, item) => {
    const { gradient, count } = readStretch(bench, table, item);
    bench.kernels.sumOfSquares(gradient, count, results + item * 4, factor);
  },
);

export const adamWJob = defineJob(
  "adamW",
  ["table", "factor", "beta1", "beta2", "correction", "epsilon"],
  (bench, { table, factor, beta1, beta2, correction, epsilon }, item) => {
    const row = readStretch(bench, table, item);
    bench.kernels.adamW(
      row.parameter,
      row.gradient,
      row.first,
      row.second,
      row.count,
      factor,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      row.decay,
      row.rate,
      correction,
      epsilon,
    );
  },
);
