/** The bias of a head. @module */

import { defineJob } from "../../threads/job.ts";

/** An item is a head: y[head] from its column of the table. */
export const relativePositionBiasJob = defineJob(
  "relativePositionBias",
  ["table", "index", "y", "count", "heads"],
  ({ kernels }, { table, index, y, count, heads }, item) => {
    kernels.gatherElements(table + item * 4, heads * 4, index, y + item * count * 4, count);
  },
);

/** An item is a head; `dtable` must be zero before. */
export const relativePositionBiasBackwardJob = defineJob(
  "relativePositionBiasBackward",
  ["dy", "index", "dtable", "count", "heads"],
  ({ kernels }, { dy, index, dtable, count, heads }, item) => {
    kernels.scatterElements(dtable + item * 4, heads * 4, index, dy + item * count * 4, count);
  },
);
