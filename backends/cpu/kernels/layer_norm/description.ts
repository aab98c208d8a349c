/** Layer norm on rows, forward and backward. @module */

import type { Vector } from "../../code/expression.ts";
import {
  greater,
  type IndexVariable,
  type KernelBuilder,
  type KernelDescription,
} from "../../code/kernel_builder.ts";
import { sumRow } from "../../code/rows.ts";

/** The values of a row, as float32 or, where they are `narrow`, as bfloat16; `columns` is a multiple of 32 then. */
type Format = "float32" | "narrow";

/** Writes the mean and the inverse deviation of each row to `statistics`. */
function buildForward(k: KernelBuilder, format: Format): void {
  const [x, weight, bias, y, statistics, rows, columns] = k.indices(
    "x",
    "weight",
    "bias",
    "y",
    "statistics",
    "rows",
    "columns",
  );
  const [epsilon, inverseColumns] = k.scalars("epsilon", "inverseColumns");
  k.repeat(rows, () => {
    const mean = k.let(sumRow(k, columns, [x], (value) => value).times(inverseColumns));
    const squares = sumRow(k, columns, [x], (value) => {
      const difference = k.let(value.minus(mean));
      return difference.times(difference);
    });
    const variance = squares.times(inverseColumns);
    const inverse = k.let(k.let(1).dividedBy(variance.plus(epsilon).squareRoot()));
    k.storeFirst(statistics, mean);
    k.storeFirst(statistics, inverse, 4);
    statistics.advance(8);
    const [w, b] = [k.letIndex(weight), k.letIndex(bias)];
    const valueOf = (load: (pointer: IndexVariable) => Vector) =>
      load(x).minus(mean).times(inverse).multiplyAdd(load(w), load(b));
    if (format === "float32") {
      k.forElements(columns, [x, y, w, b], (lanes) => {
        lanes.store(y, valueOf((pointer) => lanes.load(pointer)));
      }, 2);
      return;
    }
    const left = k.letIndex(columns);
    k.doWhile(() => {
      const [first, second] = [0, k.vectorBytes].map((offset) =>
        k.let(valueOf((pointer) => k.load(pointer, offset)))
      );
      k.store(y, first.toBfloat16(second));
      y.advance(k.vectorBytes);
      for (const pointer of [x, w, b]) pointer.advance(2 * k.vectorBytes);
      left.set(left.minus(2 * k.lanes));
    }, greater(left, 0));
  });
}

/**
 * Adds to `dweight` and `dbias`, which belong to this stretch of rows; with `isSum`, `dx` includes the gradient
 * `soFar`.
 */
function buildBackward(k: KernelBuilder, isSum: boolean): void {
  const [dy, x, weight, statistics, dx] = k.indices("dy", "x", "weight", "statistics", "dx");
  const [dweight, dbias, rows, columns] = k.indices("dweight", "dbias", "rows", "columns");
  const [soFar] = isSum ? k.indices("soFar") : [null];
  const [inverseColumns] = k.scalars("inverseColumns");
  k.repeat(rows, () => {
    const mean = k.let(k.loadSplat(statistics));
    const inverse = k.let(k.loadSplat(statistics, 4));
    statistics.advance(8);
    const walking = [dy, x, weight, dweight, dbias].map((pointer) => k.letIndex(pointer));
    const [dy1, x1, weight1, dweight1, dbias1] = walking;
    const [sums, products] = [[k.let(0), k.let(0)], [k.let(0), k.let(0)]];
    k.forElements(columns, walking, (lanes) => {
      const normal = k.let(lanes.load(x1).minus(mean).times(inverse));
      const slope = k.let(lanes.load(dy1));
      const weighted = k.let(slope.times(lanes.load(weight1)));
      lanes.accumulate(sums[lanes.copy], weighted);
      lanes.accumulate(products[lanes.copy], weighted.times(normal));
      lanes.store(dweight1, slope.multiplyAdd(normal, lanes.load(dweight1)));
      lanes.store(dbias1, lanes.load(dbias1).plus(slope));
    }, 2);
    const average = (parts: typeof sums) =>
      k.let(parts[0].plus(parts[1]).sumLanes().times(inverseColumns));
    const [meanSlope, meanProduct] = [average(sums), average(products)];
    const weight2 = k.letIndex(weight);
    const rest = soFar === null ? [] : [soFar];
    k.forElements(columns, [dy, x, dx, weight2, ...rest], (lanes) => {
      const normal = lanes.load(x).minus(mean).times(inverse);
      const weighted = lanes.load(dy).times(lanes.load(weight2)).minus(meanSlope);
      const gradient = normal.multiplySubtractFrom(meanProduct, weighted).times(inverse);
      lanes.store(dx, soFar === null ? gradient : lanes.load(soFar).plus(gradient));
    }, 2);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "layerNorm", build: (k) => buildForward(k, "float32") },
  { name: "layerNormBackward", build: (k) => buildBackward(k, false) },
  { name: "layerNormBackwardSum", build: (k) => buildBackward(k, true) },
];

/** For processors with AVX512-BF16. */
export const bfloat16Descriptions: readonly KernelDescription[] = [
  { name: "layerNormToBfloat16", build: (k) => buildForward(k, "narrow") },
];
