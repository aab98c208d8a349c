/** Rows to unit length, and the gradient. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";
import { smallestNorm, square } from "../../code/math.ts";
import { sumRow } from "../../code/rows.ts";

/** y = x / max(‖x‖, 1e-12); writes the divisor of each row to `norms`. */
function buildNormalize(k: KernelBuilder): void {
  const [x, y, norms, rows, columns] = k.indices("x", "y", "norms", "rows", "columns");
  k.repeat(rows, () => {
    const norm = k.let(sumRow(k, columns, [x], square).squareRoot().atLeast(smallestNorm));
    k.storeFirst(norms, norm);
    norms.advance(4);
    k.forElements(columns, [x, y], (lanes) => lanes.store(y, lanes.load(x).dividedBy(norm)));
  });
}

/** dx = (dy − y·(y·dy)) / norm; below the smallest norm, where y is x·1e12, dx = dy / norm. */
function buildNormalizeBackward(k: KernelBuilder): void {
  const [dy, y, norms, dx, rows, columns] = k.indices(
    "dy",
    "y",
    "norms",
    "dx",
    "rows",
    "columns",
  );
  k.repeat(rows, () => {
    const norm = k.let(k.loadSplat(norms));
    norms.advance(4);
    const along = sumRow(k, columns, [dy, y], (a, b) => a.times(b));
    const isLarge = k.let(smallestNorm).isLess(norm);
    const dot = k.let(isLarge.select(along, 0));
    k.forElements(columns, [dy, y, dx], (lanes) => {
      const rest = lanes.load(y).multiplySubtractFrom(dot, lanes.load(dy));
      lanes.store(dx, rest.dividedBy(norm));
    });
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "normalize", build: buildNormalize },
  { name: "normalizeBackward", build: buildNormalizeBackward },
];
