/** Residual connections: rows of one sample share a factor. @module */

import { defineJob } from "../../threads/job.ts";
import { rowsOfItem } from "../../threads/stretches.ts";

/** Calls `visit` for each run of rows of one sample in a stretch. */
function forSamples(
  first: number,
  used: number,
  rowsPerSample: number,
  visit: (sample: number, row: number, rows: number) => void,
): void {
  for (let row = first; row < first + used;) {
    const sample = Math.floor(row / rowsPerSample);
    const end = Math.min(first + used, (sample + 1) * rowsPerSample);
    visit(sample, row, end - row);
    row = end;
  }
}

/** `keepStep` is 4, or 0 if all samples share one factor; gamma 0 means none. */
export const residualJob = defineJob(
  "residual",
  ["x", "branch", "gamma", "keep", "keepStep", "y", "rows", "columns", "length", "perSample"],
  ({ kernels }, values, item) => {
    const { x, branch, gamma, keep, keepStep, y, rows, columns, length, perSample } = values;
    const { first, used } = rowsOfItem(rows, length, item);
    const kernel = gamma === 0 ? kernels.residual : kernels.residualScaled;
    forSamples(first, used, perSample, (sample, row, count) => {
      const offset = row * columns * 4;
      const factor = keep + sample * keepStep;
      kernel(x + offset, branch + offset, gamma, factor, y + offset, count, columns);
    });
  },
);

/** `dgammas` is [stretches, columns]; unused without gamma. */
export const residualBackwardJob = defineJob(
  "residualBackward",
  [
    "dy",
    "branch",
    "gamma",
    "keep",
    "keepStep",
    "dbranch",
    "dgammas",
    "rows",
    "columns",
    "length",
    "perSample",
  ],
  ({ kernels }, values, item) => {
    const { dy, branch, gamma, keep, keepStep, dbranch, rows, columns } = values;
    const { first, used } = rowsOfItem(rows, values.length, item);
    const dgamma = values.dgammas + item * columns * 4;
    if (gamma !== 0) kernels.fill(dgamma, columns, 0);
    const kernel = gamma === 0 ? kernels.residualBackward : kernels.residualScaledBackward;
    forSamples(first, used, values.perSample, (sample, row, count) => {
      const offset = row * columns * 4;
      const factor = keep + sample * keepStep;
      kernel(
        dy + offset,
        branch + offset,
        gamma,
        factor,
        dbranch + offset,
        dgamma,
        count,
        columns,
      );
    });
  },
);
