/** Copies a box out of one array into a box of another. @module */

import type { KernelTable } from "../threads/job.ts";

/** An array of 32-bit numbers in memory with its shape, and where the box starts in it. */
export interface BoxPlace {
  readonly address: number;
  readonly shape: readonly number[];
  readonly begin: readonly number[];
}

/**
 * Copies `size` elements along each axis: runs that are contiguous on both sides, as rows of the
 * preceding axis.
 */
export function copyBox(
  { copyRows }: KernelTable,
  from: BoxPlace,
  to: BoxPlace,
  size: readonly number[],
): void {
  if (size.includes(0)) return;
  // Trailing axes that are copied whole on both sides are part of the runs, as is the axis before them.
  let axis = size.length - 1;
  let run = 1;
  while (axis >= 0 && size[axis] === from.shape[axis] && size[axis] === to.shape[axis]) {
    run *= size[axis--];
  }
  if (axis >= 0) run *= size[axis];
  const [fromStrides, toStrides] = [stridesOf(from.shape), stridesOf(to.shape)];
  const start = (place: BoxPlace, strides: readonly number[]) =>
    place.begin.reduce((address, begin, i) => address + begin * strides[i], place.address);
  const copy = (outer: number, source: number, target: number) => {
    if (outer >= axis) {
      copyRows(source, 0, target, 0, 1, run);
    } else if (outer === axis - 1) {
      copyRows(source, fromStrides[outer], target, toStrides[outer], size[outer], run);
    } else {
      for (let index = 0; index < size[outer]; index++) {
        copy(outer + 1, source + index * fromStrides[outer], target + index * toStrides[outer]);
      }
    }
  };
  copy(0, start(from, fromStrides), start(to, toStrides));
}

/** Bytes between neighbours along each axis. */
function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 4;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}
