/** The cosine of pairs of rows, and its gradient. @module */

import type { Vector } from "../../code/expression.ts";
import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";
import { square } from "../../code/math.ts";
import { forRows, sumRow } from "../../code/rows.ts";

/** Three floats a row: cos(p, t), 1/‖p‖, 1/‖t‖. */
function buildCosine(k: KernelBuilder): void {
  const [prediction, target, result, rows, columns] = k.indices(
    "prediction",
    "target",
    "result",
    "rows",
    "columns",
  );
  const rowBytes = k.letIndex(columns.shiftedLeft(2));
  forRows(k, rows, [[prediction, rowBytes], [target, rowBytes]], () => {
    const inverse = (sum: Vector) => k.let(k.let(1).dividedBy(sum.squareRoot()));
    const [p, t] = [
      inverse(sumRow(k, columns, [prediction], square)),
      inverse(sumRow(k, columns, [target], square)),
    ];
    const product = sumRow(k, columns, [prediction, target], (a, b) => a.times(b));
    k.storeFirst(result, product.times(p).times(t));
    k.storeFirst(result, p, 4);
    k.storeFirst(result, t, 8);
    result.advance(12);
  });
}

/** dp = factor·(t̂ − p̂·cos)/‖p‖. */
function buildCosineBackward(k: KernelBuilder): void {
  const [prediction, target, result, dprediction, rows, columns] = k.indices(
    "prediction",
    "target",
    "result",
    "dprediction",
    "rows",
    "columns",
  );
  const [factor] = k.scalars("factor");
  k.repeat(rows, () => {
    const [cosine, p, t] = [0, 4, 8].map((offset) => k.let(k.loadSplat(result, offset)));
    result.advance(12);
    const scale = k.let(factor.times(p));
    const back = k.let(cosine.times(p));
    k.forElements(columns, [prediction, target, dprediction], (lanes) => {
      const unit = lanes.load(target).times(t);
      const rest = lanes.load(prediction).multiplySubtractFrom(back, unit);
      lanes.store(dprediction, rest.times(scale));
    });
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "cosine", build: buildCosine },
  { name: "cosineBackward", build: buildCosineBackward },
];
