/** How many rows each code has, and their sum. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";

/** Adds each row of z to the row of its code, and counts it. */
function buildCodeStatistics(k: KernelBuilder): void {
  const [z, ids, counts, sums, rows, columns] = k.indices(
    "z",
    "ids",
    "counts",
    "sums",
    "rows",
    "columns",
  );
  k.repeat(rows, () => {
    const id = k.letIndex(ids.loadInt32());
    const count = k.letIndex(counts.plus(id.shiftedLeft(2)));
    k.storeFirst(count, k.loadSplat(count).plus(1));
    const sum = k.letIndex(sums.plus(id.times(columns).shiftedLeft(2)));
    k.forElements(columns, [z, sum], (lanes) => {
      lanes.store(sum, lanes.load(sum).plus(lanes.load(z)));
    });
    ids.advance(4);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "codeStatistics", build: buildCodeStatistics },
];
