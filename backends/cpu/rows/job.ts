/**
 * The job of every kernel that needs nothing but its rows: it is called for a stretch of them, with
 * its arguments moved to where the stretch begins.
 *
 * @module
 */

import { defineJob } from "../threads/job.ts";
import { rowsOfItem } from "../threads/stretches.ts";

/** In place of a step: the argument is the number of rows. */
export const rowCountStep = -1;

/** Of each argument its value for the first row, and by how much a row moves it. */
export const rowArguments = Array.from({ length: 12 }, (_, place) => ({
  value: `value${place}`,
  step: `step${place}`,
}));

const fields = ["kernel", "arguments", "rows", "length"];

export const rowsJob = defineJob(
  "rows",
  [...fields, ...rowArguments.flatMap(({ value, step }) => [value, step])],
  ({ numbered }, values, item) => {
    const { first, used } = rowsOfItem(values.rows, values.length, item);
    const moved = rowArguments.slice(0, values.arguments).map(({ value, step }) => {
      if (values[step] === rowCountStep) return used;
      // Adding 0 would turn −0 into 0.
      return values[step] === 0 ? values[value] : values[value] + first * values[step];
    });
    numbered[values.kernel](...moved);
  },
);
