/** Loops over rows that several kernels share: sums, and the largest element. @module */

import { fromIndex, type Index, type Vector } from "./expression.ts";
import type { IndexVariable, KernelBuilder } from "./kernel_builder.ts";

/** Partial sums of a reduction, so that one addition need not wait for the previous one. */
const sumCopies = 4;

/** Σ of `term` over the elements of a row; the pointers do not move. */
export function sumRow(
  k: KernelBuilder,
  count: Index,
  pointers: readonly Index[],
  term: (...values: Vector[]) => Vector,
): Vector {
  const walking = pointers.map((pointer) => k.letIndex(pointer));
  const sums = Array.from({ length: sumCopies }, () => k.let(0));
  k.forElements(count, walking, (lanes) => {
    const values = walking.map((pointer) => k.let(lanes.load(pointer)));
    lanes.accumulate(sums[lanes.copy], term(...values));
  }, sumCopies);
  const [a, b, c, d] = sums;
  return k.let(a.plus(b).plus(c.plus(d)).sumLanes());
}

/** Runs `body` for each row and moves each pointer to its next row. */
export function forRows(
  k: KernelBuilder,
  rows: Index,
  pointers: readonly [pointer: IndexVariable, rowBytes: Index][],
  body: () => void,
): void {
  k.repeat(rows, () => {
    body();
    for (const [pointer, rowBytes] of pointers) pointer.advance(rowBytes);
  });
}

/**
 * The largest element of a row and its column, counted from `base`, or what was `before` if no
 * element is larger; the lower column wins a tie, and NaN never does.
 */
export function bestOfRow(
  k: KernelBuilder,
  row: Index,
  columns: Index,
  base: Index,
  before: { value: Vector; column: Vector },
): { value: Vector; column: Vector } {
  const value = k.let(before.value);
  const column = k.let(before.column);
  const pointer = k.letIndex(row);
  const first = k.let(fromIndex(base));
  k.forElements(columns, [pointer], (lanes) => {
    const element = k.let(lanes.load(pointer));
    const isBetter = k.let(value.isLess(element));
    value.set(isBetter.select(element, value));
    column.set(isBetter.select(first.plus(lanes.numbers), column));
    first.set(first.plus(lanes.width));
  });
  const largest = k.let(value.maximumLanes());
  const beyondAll = 3e38;
  const candidates = value.isEqual(largest).select(column, beyondAll);
  const lowest = k.let(0).minus(k.let(0).minus(candidates).maximumLanes());
  return { value: largest, column: k.let(lowest) };
}
