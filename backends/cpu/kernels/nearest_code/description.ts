/** The best score of a row, chunk by chunk. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";
import { bestOfRow, forRows } from "../../code/rows.ts";

/**
 * The best score so far and its column, two floats a row, against a chunk of scores whose first
 * column is `base`; the lower column wins a tie.
 */
function buildBestColumn(k: KernelBuilder): void {
  const [scores, rowBytes, rows, columns, base, state] = k.indices(
    "scores",
    "rowBytes",
    "rows",
    "columns",
    "base",
    "state",
  );
  forRows(k, rows, [[scores, rowBytes]], () => {
    const before = { value: k.loadSplat(state), column: k.loadSplat(state, 4) };
    const best = bestOfRow(k, scores, columns, base, before);
    k.storeFirst(state, best.value);
    k.storeFirst(state, best.column, 4);
    state.advance(8);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "bestColumn", build: buildBestColumn },
];
