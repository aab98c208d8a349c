/** Unit vectors, cosine loss and the codebook's kernels, on rows. @module */

import type { Vector } from "../code/expression.ts";
import type { KernelBuilder, KernelDescription } from "../code/kernel_builder.ts";
import { bestOfRow, forRows, sumRow } from "./rows.ts";

const smallestNorm = 1e-12;

function square(value: Vector): Vector {
  return value.times(value);
}

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

/** One EMA update of unit codes by the unit mean of their members; see `ops/` for the arithmetic. */
function buildCodebookUpdate(k: KernelBuilder): void {
  const [codebook, counts, sums, updated, rows, columns] = k.indices(
    "codebook",
    "counts",
    "sums",
    "updated",
    "rows",
    "columns",
  );
  const [decay, rest] = k.scalars("decay", "rest");
  const rowBytes = k.letIndex(columns.shiftedLeft(2));
  forRows(k, rows, [[codebook, rowBytes], [sums, rowBytes], [updated, rowBytes]], () => {
    const count = k.let(k.loadSplat(counts));
    counts.advance(4);
    const isEmpty = k.let(count.isEqual(0));
    const members = k.let(count.atLeast(1));
    const mean = (value: Vector) => value.dividedBy(members);
    const norm = k.let(
      sumRow(k, columns, [sums], (value) => square(k.let(mean(value)))).squareRoot().atLeast(
        smallestNorm,
      ),
    );
    const [code, sum, target] = [codebook, sums, updated].map((pointer) => k.letIndex(pointer));
    k.forElements(columns, [code, sum, target], (lanes) => {
      const old = k.let(lanes.load(code));
      const unit = isEmpty.select(old, mean(lanes.load(sum)).dividedBy(norm));
      lanes.store(target, unit.times(rest).plus(old.times(decay)));
    });
    const length = k.let(
      sumRow(k, columns, [updated], square).squareRoot().atLeast(smallestNorm),
    );
    const result = k.letIndex(updated);
    k.forElements(columns, [result], (lanes) => {
      lanes.store(result, lanes.load(result).dividedBy(length));
    });
  });
}

export const vectorKernels: readonly KernelDescription[] = [
  { name: "normalize", build: buildNormalize },
  { name: "normalizeBackward", build: buildNormalizeBackward },
  { name: "cosine", build: buildCosine },
  { name: "cosineBackward", build: buildCosineBackward },
  { name: "bestColumn", build: buildBestColumn },
  { name: "codeStatistics", build: buildCodeStatistics },
  { name: "codebookUpdate", build: buildCodebookUpdate },
];
