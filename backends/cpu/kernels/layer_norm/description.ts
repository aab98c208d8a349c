/** Layer norm on rows, forward and backward. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";
import { sumRow } from "../../code/rows.ts";

/** Writes the mean and the inverse deviation of each row to `statistics`. */
function buildForward(k: KernelBuilder): void {
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
    k.forElements(columns, [x, y, w, b], (lanes) => {
      const normal = lanes.load(x).minus(mean).times(inverse);
      lanes.store(y, normal.multiplyAdd(lanes.load(w), lanes.load(b)));
    }, 2);
  });
}

/** Adds to `dweight` and `dbias`, which belong to this stretch of rows. */
function buildBackward(k: KernelBuilder): void {
  const [dy, x, weight, statistics, dx] = k.indices("dy", "x", "weight", "statistics", "dx");
  const [dweight, dbias, rows, columns] = k.indices("dweight", "dbias", "rows", "columns");
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
    k.forElements(columns, [dy, x, dx, weight2], (lanes) => {
      const normal = lanes.load(x).minus(mean).times(inverse);
      const weighted = lanes.load(dy).times(lanes.load(weight2)).minus(meanSlope);
      lanes.store(dx, normal.multiplySubtractFrom(meanProduct, weighted).times(inverse));
    }, 2);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "layerNorm", build: buildForward },
  { name: "layerNormBackward", build: buildBackward },
];
