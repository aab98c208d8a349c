/** Kernels over contiguous elements, divided into equal stretches. @module */

import { activationKernelNames } from "./gemm.ts";
import { defineJob } from "./job.ts";

/** Elements of an item: a multiple of 16, so that stretches start on cache lines. */
export const elementsPerItem = 16_384;

/** Items of a job over `count` elements. */
export function elementItems(count: number): number {
  return Math.ceil(count / elementsPerItem);
}

/** The stretch of an item. */
export function stretch(count: number, item: number): { offset: number; length: number } {
  const first = item * elementsPerItem;
  return { offset: first * 4, length: Math.min(elementsPerItem, count - first) };
}

/** dx = dy·f′(x). */
export const activationBackwardJob = defineJob(
  "activationBackward",
  ["dy", "x", "dx", "count", "activation"],
  ({ kernels }, { dy, x, dx, count, activation }, item) => {
    const { offset, length } = stretch(count, item);
    const kernel = kernels[`${activationKernelNames[activation]}Backward`];
    kernel(dy + offset, x + offset, dx + offset, length);
  },
);

/** Numbers of the operations of {@link binaryJob}. */
export const binaryKernelNames = ["add", "subtract", "multiply", "divide"] as const;

/** y = a ∘ b. */
export const binaryJob = defineJob(
  "binary",
  ["a", "b", "y", "count", "operation"],
  ({ kernels }, { a, b, y, count, operation }, item) => {
    const { offset, length } = stretch(count, item);
    kernels[binaryKernelNames[operation]](a + offset, b + offset, y + offset, length);
  },
);
