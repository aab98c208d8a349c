/** Layer norm backward: each stretch of rows has sums of its own. @module */

import { defineJob } from "../../threads/job.ts";
import { rowsOfItem } from "../../threads/stretches.ts";

/** `dweights` and `dbiases` are [stretches, columns]. */
export const layerNormBackwardJob = defineJob(
  "layerNormBackward",
  [
    "dy",
    "x",
    "weight",
    "statistics",
    "dx",
    "dweights",
    "dbiases",
    "rows",
    "columns",
    "length",
  ],
  ({ kernels }, values, item) => {
    const { rows, columns, length, weight } = values;
    const { first, used } = rowsOfItem(rows, length, item);
    const offset = first * columns * 4;
    const dweight = values.dweights + item * columns * 4;
    const dbias = values.dbiases + item * columns * 4;
    kernels.fill(dweight, columns, 0);
    kernels.fill(dbias, columns, 0);
    kernels.layerNormBackward(
      values.dy + offset,
      values.x + offset,
      weight,
      values.statistics + first * 8,
      values.dx + offset,
      dweight,
      dbias,
      used,
      columns,
      1 / columns,
    );
  },
);
