/** Softmax and its gradient for logits that come in chunks of the vocabulary. @module */

import {
  type KernelBuilder,
  type KernelDescription,
  less,
  notLess,
} from "../../code/kernel_builder.ts";
import { exponential } from "../../code/math.ts";
import { bestOfRow, forRows } from "../../code/rows.ts";

/**
 * Adds a chunk of logits to each row's state: maximum, Σ e^(l − max), the largest logit's column
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

export const descriptions: readonly KernelDescription[] = [
  { name: "logitStatistics", build: buildLogitStatistics },
  { name: "logitGradients", build: buildLogitGradients },
];
