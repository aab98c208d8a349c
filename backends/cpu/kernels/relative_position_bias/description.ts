/** Gathers a column of the table by the index, for one head, and the reverse. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";

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

export const descriptions: readonly KernelDescription[] = [
  { name: "gatherElements", build: buildGatherElements },
  { name: "scatterElements", build: buildScatterElements },
];
