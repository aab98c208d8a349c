/** Residual connections with layer scale and drop path. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";

/** y = x + keep·gamma·branch on rows that share `keep`; gamma 0 means none. */
function buildResidual(k: KernelBuilder, hasGamma: boolean): void {
  const [x, branch, gamma, keep, y, rows, columns] = k.indices(
    "x",
    "branch",
    "gamma",
    "keep",
    "y",
    "rows",
    "columns",
  );
  const factor = k.let(k.loadSplat(keep));
  k.repeat(rows, () => {
    const g = k.letIndex(gamma);
    k.forElements(columns, hasGamma ? [x, branch, y, g] : [x, branch, y], (lanes) => {
      const value = lanes.load(branch);
      const scaled = hasGamma ? value.times(lanes.load(g)) : value;
      lanes.store(y, scaled.multiplyAdd(factor, lanes.load(x)));
    }, 2);
  });
}

/** dbranch = keep·gamma·dy; dgamma, of this stretch of rows, += keep·branch·dy. */
function buildBackward(k: KernelBuilder, hasGamma: boolean): void {
  const [dy, branch, gamma, keep, dbranch, dgamma] = k.indices(
    "dy",
    "branch",
    "gamma",
    "keep",
    "dbranch",
    "dgamma",
  );
  const [rows, columns] = k.indices("rows", "columns");
  const factor = k.let(k.loadSplat(keep));
  k.repeat(rows, () => {
    if (!hasGamma) {
      k.forElements(columns, [dy, dbranch], (lanes) => {
        lanes.store(dbranch, lanes.load(dy).times(factor));
      }, 2);
      return;
    }
    const [g, dg] = [k.letIndex(gamma), k.letIndex(dgamma)];
    k.forElements(columns, [dy, branch, dbranch, g, dg], (lanes) => {
      const slope = k.let(lanes.load(dy).times(factor));
      lanes.store(dbranch, slope.times(lanes.load(g)));
      lanes.store(dg, slope.multiplyAdd(lanes.load(branch), lanes.load(dg)));
    }, 2);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "residual", build: (k) => buildResidual(k, false) },
  { name: "residualScaled", build: (k) => buildResidual(k, true) },
  { name: "residualBackward", build: (k) => buildBackward(k, false) },
  { name: "residualScaledBackward", build: (k) => buildBackward(k, true) },
];
