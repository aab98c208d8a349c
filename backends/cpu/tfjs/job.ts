/** Arithmetic on contiguous elements, divided into equal stretches. @module */

import { defineJob } from "../threads/job.ts";
import { elementsOfItem } from "../threads/stretches.ts";

/** Numbers of the operations of {@link binaryJob}. */
export const binaryKernelNames = ["add", "subtract", "multiply", "divide"] as const;

/** y = a ∘ b. */
export const binaryJob = defineJob(
  "binary",
  ["a", "b", "y", "count", "operation"],
  ({ kernels }, { a, b, y, count, operation }, item) => {
    const { offset, length } = elementsOfItem(count, item);
    kernels[binaryKernelNames[operation]](a + offset, b + offset, y + offset, length);
  },
);
