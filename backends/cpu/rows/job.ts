/**
 * The job of every kernel that needs nothing but its rows: it is called for a stretch of them, with
 * its arguments moved to where the stretch begins.
 *
 * @module
 */

import { defineJob } from "../threads/job.ts";
import { rowsOfItem } from "../threads/stretches.ts";

export const mostArguments = 12;

/** In place of a step: the argument is the number of rows. */
export const rowCountStep = -1;

/** Fields named by numbers: engines keep those as an array. */
const pairs = Array.from({ length: 2 * mostArguments }, (_, place) => String(place));

/**
 * Field 2·i is the value of argument i for the first row, and field 2·i + 1 by how much a row moves it.
 */
export const rowsJob = defineJob(
  "rows",
  ["kernel", "arguments", "rows", "length", ...pairs],
  ({ numbered }, values, item) => {
    const { first, used } = rowsOfItem(values.rows, values.length, item);
    const moved: number[] = [];
    for (let place = 0; place < values.arguments; place++) {
      const [value, step] = [values[2 * place], values[2 * place + 1]];
      if (step === rowCountStep) moved.push(used);
      // Adding 0 would turn −0 into 0.
      else moved.push(step === 0 ? value : value + first * step);
    }
    numbered[values.kernel](...moved);
  },
);
