/** Sums down the columns of a matrix. @module */

import type { KernelBuilder, KernelDescription } from "../code/kernel_builder.ts";

/** sums[column] = Σ over rows; a few columns at a time stay in registers. */
function buildColumnSums(k: KernelBuilder): void {
  const [source, rowBytes, rows, columns, sums] = k.indices(
    "source",
    "rowBytes",
    "rows",
    "columns",
    "sums",
  );
  k.forElements(columns, [source, sums], (lanes) => {
    const row = k.letIndex(source);
    const sum = k.let(0);
    k.repeat(rows, () => {
      sum.set(sum.plus(lanes.load(row)));
      row.advance(rowBytes);
    });
    lanes.store(sums, sum);
  }, 4);
}

export const columnKernels: readonly KernelDescription[] = [
  { name: "columnSums", build: buildColumnSums },
];
