/** Softmax on blocks of rows: for attention, and for a vocabulary that comes in chunks. @module */

import type { Index, Vector } from "../code/expression.ts";
import {
  equal,
  type KernelBuilder,
  type KernelDescription,
  less,
  notLess,
} from "../code/kernel_builder.ts";
import { exponential } from "./math.ts";
import { bestOfRow, forRows } from "./rows.ts";

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

/**
 * Takes a chunk of logits into each row's state: maximum, Σ e^(l − max), the largest logit's column
 * and the target's logit, four floats. `base` is the column of the chunk's first logit.
 */
function buildLogitStatistics(k: KernelBuilder): void {
  const [logits, rowBytes, rows, columns, base] = k.indices(
    "logits",
    "rowBytes",
    "rows",
    "columns",
    "base",
  );
  const [targets, state] = k.indices("targets", "state");
  forRows(k, rows, [[logits, rowBytes]], () => {
    const before = k.let(k.loadSplat(state));
    const best = bestOfRow(k, logits, columns, base, {
      value: before,
      column: k.loadSplat(state, 8),
    });
    const pointer = k.letIndex(logits);
    const sums = k.let(0);
    k.forElements(columns, [pointer], (lanes) => {
      lanes.accumulate(sums, exponential(k, lanes.load(pointer).minus(best.value)));
    });
    const old = k.loadSplat(state, 4).times(exponential(k, before.minus(best.value)));
    k.storeFirst(state, best.value);
    k.storeFirst(state, sums.sumLanes().plus(old), 4);
    k.storeFirst(state, best.column, 8);
    const target = k.letIndex(targets.loadInt32().minus(base));
    k.if(
      notLess(target, 0),
      () =>
        k.if(
          less(target, columns),
          () => k.storeFirst(state, k.loadSplat(logits.plus(target.shiftedLeft(2))), 12),
        ),
    );
    targets.advance(4);
    state.advance(16);
  });
}

/** Logits become (softmax − one-hot of the target)·factor; `state` as above. */
function buildLogitGradients(k: KernelBuilder): void {
  const [logits, rowBytes, rows, columns, base] = k.indices(
    "logits",
    "rowBytes",
    "rows",
    "columns",
    "base",
  );
  const [targets, state] = k.indices("targets", "state");
  const [factor] = k.scalars("factor");
  forRows(k, rows, [[logits, rowBytes]], () => {
    const largest = k.let(k.loadSplat(state));
    const scale = k.let(factor.dividedBy(k.loadSplat(state, 4)));
    const pointer = k.letIndex(logits);
    k.forElements(columns, [pointer], (lanes) => {
      lanes.store(pointer, exponential(k, lanes.load(pointer).minus(largest)).times(scale));
    });
    const target = k.letIndex(targets.loadInt32().minus(base));
    k.if(notLess(target, 0), () =>
      k.if(less(target, columns), () => {
        const place = k.letIndex(logits.plus(target.shiftedLeft(2)));
        k.storeFirst(place, k.loadSplat(place).minus(factor));
      }));
    targets.advance(4);
    state.advance(16);
  });
}

export const softmaxKernels: readonly KernelDescription[] = [
  { name: "exponentials", build: buildExponentials },
  { name: "scoresBackward", build: buildScoresBackward },
  { name: "logitStatistics", build: buildLogitStatistics },
  { name: "logitGradients", build: buildLogitGradients },
];
