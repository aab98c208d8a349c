/** Simple kernels over elements and rows: copies, fills, scaled sums, dot products. @module */

import { fromIndex, type Index, type Vector } from "../code/expression.ts";
import type { IndexVariable, KernelBuilder, KernelDescription } from "../code/kernel_builder.ts";

/** Copies of a reduction's sum, so that one addition need not wait for the one before. */
export const sumCopies = 4;

/** Σ of what `term` gives for each element of a row; the pointers are left where they are. */
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
 * The largest element of a row and its column, counted from `base`, or what was `before` where no
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

function buildFill(k: KernelBuilder): void {
  const [target, count] = k.indices("target", "count");
  const [value] = k.scalars("value");
  k.forElements(count, [target], (lanes) => lanes.store(target, value));
}

function buildCopyRows(k: KernelBuilder): void {
  const [source, sourceBytes, target, targetBytes] = k.indices(
    "source",
    "sourceBytes",
    "target",
    "targetBytes",
  );
  const [rows, columns] = k.indices("rows", "columns");
  forRows(k, rows, [[source, sourceBytes], [target, targetBytes]], () => {
    const [from, to] = [k.letIndex(source), k.letIndex(target)];
    k.forElements(columns, [from, to], (lanes) => lanes.store(to, lanes.load(from)), 4);
  });
}

/** target += source·factor. */
function buildAddScaled(k: KernelBuilder): void {
  const [source, target, count] = k.indices("source", "target", "count");
  const [factor] = k.scalars("factor");
  k.forElements(count, [source, target], (lanes) => {
    lanes.store(target, lanes.load(source).multiplyAdd(factor, lanes.load(target)));
  });
}

/** y = f(a, b) on contiguous elements. */
function binary(
  name: string,
  formula: (a: Vector, b: Vector) => Vector,
): KernelDescription {
  return {
    name,
    build: (k) => {
      const [a, b, y, count] = k.indices("a", "b", "y", "count");
      k.forElements(count, [a, b, y], (lanes) => {
        lanes.store(y, formula(lanes.load(a), lanes.load(b)));
      }, 2);
    },
  };
}

/** Each row times its own factor, in place. */
function buildScaleRows(k: KernelBuilder): void {
  const [target, rowBytes, rows, columns, factors, factorBytes] = k.indices(
    "target",
    "rowBytes",
    "rows",
    "columns",
    "factors",
    "factorBytes",
  );
  forRows(k, rows, [[target, rowBytes], [factors, factorBytes]], () => {
    const factor = k.let(k.loadSplat(factors));
    const to = k.letIndex(target);
    k.forElements(columns, [to], (lanes) => lanes.store(to, lanes.load(to).times(factor)));
  });
}

/** dots[row] = Σ a·b. */
function buildRowDots(k: KernelBuilder): void {
  const [a, aBytes, b, bBytes, dots] = k.indices("a", "aBytes", "b", "bBytes", "dots");
  const [rows, columns] = k.indices("rows", "columns");
  forRows(k, rows, [[a, aBytes], [b, bBytes]], () => {
    k.storeFirst(dots, sumRow(k, columns, [a, b], (left, right) => left.times(right)));
    dots.advance(4);
  });
}

/** y[i] = table[index[i]·rowBytes], for one head of a table. */
function buildGatherElements(k: KernelBuilder): void {
  const [table, rowBytes, index, y, count] = k.indices(
    "table",
    "rowBytes",
    "index",
    "y",
    "count",
  );
  k.repeat(count, () => {
    k.storeFirst(y, k.loadSplat(table.plus(index.loadInt32().times(rowBytes))));
    y.advance(4);
    index.advance(4);
  });
}

/** table[index[i]·rowBytes] += dy[i], in order. */
function buildScatterElements(k: KernelBuilder): void {
  const [table, rowBytes, index, dy, count] = k.indices(
    "table",
    "rowBytes",
    "index",
    "dy",
    "count",
  );
  k.repeat(count, () => {
    const place = k.letIndex(table.plus(index.loadInt32().times(rowBytes)));
    k.storeFirst(place, k.loadSplat(place).plus(k.loadSplat(dy)));
    dy.advance(4);
    index.advance(4);
  });
}

/** Row `i` of y = row index[i] of the source. */
function buildGatherRows(k: KernelBuilder): void {
  const [source, index, y, rows, columns] = k.indices(
    "source",
    "index",
    "y",
    "rows",
    "columns",
  );
  k.repeat(rows, () => {
    const from = k.letIndex(source.plus(index.loadInt32().times(columns).shiftedLeft(2)));
    k.forElements(columns, [from, y], (lanes) => lanes.store(y, lanes.load(from)));
    index.advance(4);
  });
}

/** Row index[i] of the target += row `i` of the source, in order. */
function buildScatterRows(k: KernelBuilder): void {
  const [source, index, target, rows, columns] = k.indices(
    "source",
    "index",
    "target",
    "rows",
    "columns",
  );
  k.repeat(rows, () => {
    const to = k.letIndex(target.plus(index.loadInt32().times(columns).shiftedLeft(2)));
    k.forElements(columns, [source, to], (lanes) => {
      lanes.store(to, lanes.load(to).plus(lanes.load(source)));
    });
    index.advance(4);
  });
}

export const rowKernels: readonly KernelDescription[] = [
  { name: "fill", build: buildFill },
  { name: "copyRows", build: buildCopyRows },
  { name: "addScaled", build: buildAddScaled },
  binary("add", (a, b) => a.plus(b)),
  binary("subtract", (a, b) => a.minus(b)),
  binary("multiply", (a, b) => a.times(b)),
  binary("divide", (a, b) => a.dividedBy(b)),
  { name: "scaleRows", build: buildScaleRows },
  { name: "rowDots", build: buildRowDots },
  { name: "gatherElements", build: buildGatherElements },
  { name: "scatterElements", build: buildScatterElements },
  { name: "gatherRows", build: buildGatherRows },
  { name: "scatterRows", build: buildScatterRows },
];
