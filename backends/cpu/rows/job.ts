/**
 * The job of all kernels that simply work on rows: it calls a kernel for a stretch of them, with the arguments
 * advanced to the start of the stretch.
 *
 * @module
 */

import { defineJob } from "../threads/job.ts";
import { rowsOfItem } from "../threads/stretches.ts";

export const mostArguments = 12;

/** Given as the step of a row: the argument is the number of rows. */
export const rowCountStep = -1;

/**
 * Field 3·i is argument i for the first row, field 3·i + 1 how far each row moves it, and field 3·i + 2
 * how far each stretch does; each then finds zeros there. Engines store fields named by numbers as an
 * array.
 */
const argumentFields = Array.from({ length: 3 * mostArguments }, (_, place) => String(place));

/** The arguments of a call; one array, reused by all items. */
const moved: number[] = [];

export const rowsJob = defineJob(
  "rows",
  ["kernel", "arguments", "rows", "length", ...argumentFields],
  ({ kernels, numbered }, values, item) => {
    const { first, used } = rowsOfItem(values.rows, values.length, item);
    moved.length = values.arguments;
    for (let index = 0; index < moved.length; index++) {
      const value = values[3 * index];
      const rowStep = values[3 * index + 1];
      const stretchStep = values[3 * index + 2];
      if (stretchStep !== 0) {
        moved[index] = value + item * stretchStep;
        kernels.fill(moved[index], stretchStep / 4, 0);
      } else if (rowStep === rowCountStep) moved[index] = used;
      // Adding 0 would turn −0 into 0.
      else moved[index] = rowStep === 0 ? value : value + first * rowStep;
    }
    numbered[values.kernel](...moved);
  },
);
