/** Sums down the columns of a matrix. @module */

import { toVector } from "../code/expression.ts";
import { type KernelBuilder, type KernelDescription, notLess } from "../code/kernel_builder.ts";

/** Rows added together: fewer passes over the sums, and memory is read sequentially. */
const rowsAtOnce = 4;

/** sums[column] = Σ over rows. */
function buildColumnSums(k: KernelBuilder): void {
  const [source, rowBytes, rows, columns, sums] = k.indices(
    "source",
    "rowBytes",
    "rows",
    "columns",
    "sums",
  );
  const start = k.letIndex(sums);
  k.forElements(columns, [start], (lanes) => lanes.store(start, toVector(0)));
  const left = k.letIndex(rows);
  const addRows = (count: number) => {
    const more = notLess(left, count);
    k.if(more, () =>
      k.doWhile(() => {
        const pointers = Array.from({ length: count }, () => {
          const pointer = k.letIndex(source);
          source.advance(rowBytes);
          return pointer;
        });
        const sum = k.letIndex(sums);
        k.forElements(columns, [...pointers, sum], (lanes) => {
          const total = pointers.map((pointer) => lanes.load(pointer)).reduce((a, b) => a.plus(b));
          lanes.store(sum, lanes.load(sum).plus(total));
        });
        left.set(left.minus(count));
      }, more));
  };
  addRows(rowsAtOnce);
  addRows(1);
}

export const descriptions: readonly KernelDescription[] = [
  { name: "columnSums", build: buildColumnSums },
];
