/** Gathers a strided view into a row-major array. */

import type { TensorArray } from "./tensor_data.ts";

/** Whether the strides are those of a row-major array; axes with one element may have any. */
export function isRowMajor(shape: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/** The number of elements from the first to the last that a view touches. */
export function spanOf(shape: readonly number[], stride: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, extent, axis) => last + (extent - 1) * stride[axis], 1);
}

/** Copies the view of `source` into `target`, row by row. */
export function gather<T extends TensorArray>(
  source: T,
  target: T,
  shape: readonly number[],
  stride: readonly number[],
): void {
  if (target.length === 0) return;
  const axes = shape.length - 1;
  const columns = axes < 0 ? 1 : shape[axes];
  const step = axes < 0 ? 0 : stride[axes];
  const index = new Array<number>(Math.max(axes, 0)).fill(0);
  let row = 0;
  for (let to = 0; to < target.length;) {
    for (let column = 0; column < columns; column++) target[to++] = source[row + column * step];
    for (let axis = axes - 1; axis >= 0; axis--) {
      row += stride[axis];
      if (++index[axis] < shape[axis]) break;
      row -= shape[axis] * stride[axis];
      index[axis] = 0;
    }
  }
}
