/** Between the matrix products of attention: softmax on blocks of scores, and its gradient. @module */

import type { Index, Vector } from "../../code/expression.ts";
import { equal, type KernelBuilder, type KernelDescription } from "../../code/kernel_builder.ts";
import { exponential } from "../../code/math.ts";
import { forRows, sumRow } from "../../code/rows.ts";

function maximumOfRow(k: KernelBuilder, row: Index, columns: Index): Vector {
  const pointer = k.letIndex(row);
  const largest = [k.let(-Infinity), k.let(-Infinity)];
  k.forElements(columns, [pointer], (lanes) => {
    const best = largest[lanes.copy];
    best.set(lanes.load(pointer).atLeast(best));
  }, 2);
  return k.let(largest[0].atLeast(largest[1]).maximumLanes());
}

/** Scores become e^(s − max); statistics of a row: its maximum and 1/Σ. */
function buildExponentials(k: KernelBuilder): void {
  const [scores, rowBytes, rows, columns, statistics] = k.indices(
    "scores",
    "rowBytes",
    "rows",
    "columns",
    "statistics",
  );
  forRows(k, rows, [[scores, rowBytes]], () => {
    const largest = maximumOfRow(k, scores, columns);
    const pointer = k.letIndex(scores);
    const sum = k.let(0);
    k.forElements(columns, [pointer], (lanes) => {
      const value = exponential(k, lanes.load(pointer).minus(largest));
      lanes.accumulate(sum, value);
      lanes.store(pointer, value);
    });
    k.storeFirst(statistics, largest);
    k.storeFirst(statistics, k.let(1).dividedBy(sum.sumLanes()), 4);
    statistics.advance(8);
  });
}

/**
 * Scores become probabilities; dScores, the gradient of the probabilities, become those of the
 * scores: p·(dp − delta). Where `dbias` is not 0 they are added to it.
 */
function buildScoresBackward(k: KernelBuilder): void {
  const [scores, dscores, rowBytes, rows, columns] = k.indices(
    "scores",
    "dscores",
    "rowBytes",
    "rows",
    "columns",
  );
  const [statistics, deltas, dbias] = k.indices("statistics", "deltas", "dbias");
  forRows(k, rows, [[scores, rowBytes], [dscores, rowBytes]], () => {
    const largest = k.let(k.loadSplat(statistics));
    const inverse = k.let(k.loadSplat(statistics, 4));
    const delta = k.let(k.loadSplat(deltas));
    const [p, dp] = [k.letIndex(scores), k.letIndex(dscores)];
    const probability = (score: Vector) =>
      k.let(exponential(k, score.minus(largest)).times(inverse));
    k.if(equal(dbias, 0), () => {
      k.forElements(columns, [p, dp], (lanes) => {
        const value = probability(lanes.load(p));
        lanes.store(p, value);
        lanes.store(dp, lanes.load(dp).minus(delta).times(value));
      });
    }, () => {
      k.forElements(columns, [p, dp, dbias], (lanes) => {
        const value = probability(lanes.load(p));
        lanes.store(p, value);
        const slope = k.let(lanes.load(dp).minus(delta).times(value));
        lanes.store(dp, slope);
        lanes.store(dbias, lanes.load(dbias).plus(slope));
      });
    });
    statistics.advance(8);
    deltas.advance(4);
  });
}

/** Each row times its own factor, in place. */
function buildScaleRows(k: KernelBuilder): void {
  const [target, rowBytes, rows, columns, factors, factorBytes] = k.indices(
    "target",
    "rowBytes",
    "rows",
    "columns",
    "factors",
    "factorBytes",
  );
  forRows(k, rows, [[target, rowBytes], [factors, factorBytes]], () => {
    const factor = k.let(k.loadSplat(factors));
    const to = k.letIndex(target);
    k.forElements(columns, [to], (lanes) => lanes.store(to, lanes.load(to).times(factor)));
  });
}

/** dots[row] = Σ a·b. */
function buildRowDots(k: KernelBuilder): void {
  const [a, aBytes, b, bBytes, dots] = k.indices("a", "aBytes", "b", "bBytes", "dots");
  const [rows, columns] = k.indices("rows", "columns");
  forRows(k, rows, [[a, aBytes], [b, bBytes]], () => {
    k.storeFirst(dots, sumRow(k, columns, [a, b], (left, right) => left.times(right)));
    dots.advance(4);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "exponentials", build: buildExponentials },
  { name: "scoresBackward", build: buildScoresBackward },
  { name: "scaleRows", build: buildScaleRows },
  { name: "rowDots", build: buildRowDots },
];
