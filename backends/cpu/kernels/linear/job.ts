/** The gradient of an activation. @module */

import { activationKernelNames } from "../../products/gemm/job.ts";
import { defineJob } from "../../threads/job.ts";
import { elementsOfItem, largestItemBytes } from "../../threads/stretches.ts";

/** Scratch memory where `x` is bfloat16. */
export const widenedBytes = largestItemBytes;

/** dx = dy·f′(x); where `isBfloat16` is 1, `x` is in that format. */
export const activationBackwardJob = defineJob(
  "activationBackward",
  ["dy", "x", "dx", "count", "activation", "isBfloat16"],
  ({ kernels, scratch }, { dy, x, dx, count, activation, isBfloat16 }, item) => {
    const { offset, length } = elementsOfItem(count, item);
    const kernel = kernels[`${activationKernelNames[activation]}Backward`];
    if (isBfloat16 === 1) kernels.widen(x + offset / 2, scratch, length);
    kernel(dy + offset, isBfloat16 === 1 ? scratch : x + offset, dx + offset, length);
  },
);
