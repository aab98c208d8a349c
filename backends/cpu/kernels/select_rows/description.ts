/** Gathers rows of a matrix, and scatters them back. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";

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

export const descriptions: readonly KernelDescription[] = [
  { name: "gatherRows", build: buildGatherRows },
  { name: "scatterRows", build: buildScatterRows },
];
