/** The optimizer's kernels on contiguous elements. @module */

import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";
import { sumRow } from "../../code/rows.ts";

/** result = Σ (source·factor)². */
function buildSumOfSquares(k: KernelBuilder): void {
  const [source, count, result] = k.indices("source", "count", "result");
  const [factor] = k.scalars("factor");
  const sum = sumRow(k, count, [source], (value) => {
    const scaled = k.let(value.times(factor));
    return scaled.times(scaled);
  });
  k.storeFirst(result, sum);
}

/**
 * m ← β1·m + (1 − β1)·g, v ← β2·v + (1 − β2)·g², p ← p·decay − rate·m / (√v·correction + ε), with
 * g = gradient·factor.
 */
function buildUpdate(k: KernelBuilder): void {
  const [parameter, gradient, first, second, count] = k.indices(
    "parameter",
    "gradient",
    "first",
    "second",
    "count",
  );
  const [factor, beta1, rest1, beta2, rest2] = k.scalars(
    "factor",
    "beta1",
    "rest1",
    "beta2",
    "rest2",
  );
  const [decay, rate, correction, epsilon] = k.scalars("decay", "rate", "correction", "epsilon");
  k.forElements(count, [parameter, gradient, first, second], (lanes) => {
    const g = k.let(lanes.load(gradient).times(factor));
    const m = k.let(lanes.load(first).times(beta1).plus(g.times(rest1)));
    const v = k.let(lanes.load(second).times(beta2).plus(g.times(g).times(rest2)));
    lanes.store(first, m);
    lanes.store(second, v);
    const step = m.times(rate).dividedBy(v.squareRoot().times(correction).plus(epsilon));
    lanes.store(parameter, lanes.load(parameter).times(decay).minus(step));
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "sumOfSquares", build: buildSumOfSquares },
  { name: "adamW", build: buildUpdate },
];
