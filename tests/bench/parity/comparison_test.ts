import assert from "node:assert/strict";
import {
  Comparison,
  describeTolerance,
  float32Tolerances,
  measure,
} from "../../../bench/parity/comparison.ts";

Deno.test("every bound must hold, and NaN holds none", () => {
  const golden = [1, -2, 4];
  assert.equal(measure([1, -2, 4], golden, { absolute: 0 }).ok, true);
  assert.equal(measure([1, -2, 4.01], golden, { absolute: 0 }).ok, false);
  assert.equal(measure([1, -2, 4.01], golden, { absolute: 0, relative: 0.01 }).ok, true);
  assert.equal(measure([1, -2.03, 4], golden, { absolute: 0, relative: 0.01 }).ok, false);
  assert.equal(measure([1, -2, 4.01], golden, { absolute: 1, length: 1e-3 }).ok, false);
  assert.equal(measure([1.1, -2, 4], golden, { absolute: 1, mean: 0.01 }).ok, false);
  assert.equal(measure([1, -2.03, 4], golden, { ofLargest: 0.01 }).ok, true);
  assert.equal(measure([1, -2.05, 4], golden, { ofLargest: 0.01 }).ok, false);
  assert.equal(measure([1, -2, 4.4], golden, { length: 0.1 }).ok, true);
  assert.equal(measure([1, NaN, 4], golden, { length: 0.1 }).ok, false);
  assert.equal(measure([1, NaN, 4], golden, { absolute: 1e9, relative: 1e9 }).ok, false);
  assert.equal(measure([1, -2], golden, { absolute: 1e9 }).ok, false);
  const { maxAbs, maxRel } = measure([1, -2.5, 4.25], golden, { absolute: 0 });
  assert.deepEqual([maxAbs, maxRel], [0.5, 0.125]);
});

Deno.test("the row of many tensors is that of the worst, by name", () => {
  const comparison = new Comparison("file", float32Tolerances);
  comparison.checkAll("gradients", [["a", [1], [1]], ["b", [2], [3]], ["c", [4], [4.5]]], "exact");
  comparison.checkAll("gradients", [["a", [1], [1]], ["b", [2], [2]]], "exact");
  const [bad, good] = comparison.rows;
  assert.deepEqual([bad.quantity, bad.ok, bad.maxAbs], ["gradients: b", false, 1]);
  assert.deepEqual([good.quantity, good.ok], ["gradients (2 tensors)", true]);
});

Deno.test("tolerances are shown in words", () => {
  assert.equal(describeTolerance({ absolute: 0 }), "exact");
  assert.equal(
    describeTolerance({ absolute: 2e-5, relative: 2e-5 }),
    "|Δ| ≤ 0.00002 + 0.00002·|x|",
  );
  assert.match(describeTolerance({ absolute: 1e-6, length: 1e-4 }), /^\|Δ\| ≤ 0\.000001, ‖Δ‖ ≤/);
});
