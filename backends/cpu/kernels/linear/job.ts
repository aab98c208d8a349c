/** The gradient of an activation. @module */

import { activationKernelNames } from "../../products/gemm/job.ts";
import { defineJob } from "../../threads/job.ts";
import { elementsOfItem } from "../../threads/stretches.ts";

/** dx = dy·f′(x). */
export const activationBackwardJob = defineJob(
  "activationBackward",
  ["dy", "x", "dx", "count", "activation"],
  ({ kernels }, { dy, x, dx, count, activation }, item) => {
    const { offset, length } = elementsOfItem(count, item);
    const kernel = kernels[`${activationKernelNames[activation]}Backward`];
    kernel(dy + offset, x + offset, dx + offset, length);
  },
);
