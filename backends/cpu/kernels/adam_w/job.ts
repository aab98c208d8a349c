/** The optimizer's jobs, on all parameters together: a table lists their stretches. @module */

import { defineJob } from "../../threads/job.ts";

/**
 * Float64 numbers of a row of the table: addresses of parameter, gradient, first and second moment,
 * the number of elements, the factor that decays the parameter, and the rate of the update.
 */
export const rowLength = 7;

/** results[item] = Σ (gradient·factor)² of the item's stretch. */
export const gradientSquaresJob = defineJob(
  "gradientSquares",
  ["table", "results", "factor"],
  ({ kernels, numbers }, { table, results, factor }, item) => {
    const rows = numbers();
    const row = table / 8 + item * rowLength;
    kernels.sumOfSquares(rows[row + 1], rows[row + 4], results + item * 4, factor);
  },
);

export const adamWJob = defineJob(
  "adamW",
  ["table", "factor", "beta1", "beta2", "correction", "epsilon"],
  ({ kernels, numbers }, { table, factor, beta1, beta2, correction, epsilon }, item) => {
    const rows = numbers();
    const row = table / 8 + item * rowLength;
    kernels.adamW(
      rows[row],
      rows[row + 1],
      rows[row + 2],
      rows[row + 3],
      rows[row + 4],
      factor,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      rows[row + 5],
      rows[row + 6],
      correction,
      epsilon,
    );
  },
);
