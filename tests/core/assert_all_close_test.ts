import assert from "node:assert/strict";
import { assertAllClose, worstDifference } from "../../core/assert_all_close.ts";

Deno.test("equal lists, NaN and infinities included, are close without any tolerance", () => {
  assertAllClose([1, NaN, Infinity, -Infinity, 0], [1, NaN, Infinity, -Infinity, -0]);
  assertAllClose([], []);
});

Deno.test("a non-finite number is far from every other, whatever the tolerance", () => {
  const loose = { absolute: 1e30, relative: 1e30 };
  for (const [a, b] of [[NaN, 0], [0, NaN], [Infinity, 1], [1, Infinity], [Infinity, -Infinity]]) {
    assert.throws(() => assertAllClose([a], [b], loose), /values\[0\]/, `${a} against ${b}`);
  }
});

Deno.test("both tolerances add up, and the edge is within", () => {
  assertAllClose([12.5], [10], { absolute: 0.5, relative: 0.2 });
  assert.throws(() => assertAllClose([12.6], [10], { absolute: 0.5, relative: 0.2 }));
});

Deno.test("the message has the worst place in the tensor and both errors", () => {
  assert.throws(
    () =>
      assertAllClose([1, 2, 3, 4.5, 5, 8], [1, 2, 3, 4, 5, 6], {}, { name: "y", shape: [2, 3] }),
    /^Error: y\[1, 2\] is 8, expected 6: off by 2\.00, relatively 0\.333; allowed 0 \+ 0/,
  );
});

Deno.test("lists of another length are not close", () => {
  assert.throws(() => assertAllClose([1, 2], [1]), /expected 1 numbers, found 2/);
});

Deno.test("the worst difference is the one furthest beyond its tolerance", () => {
  const worst = worstDifference([101, 1.5], [100, 1], { relative: 0.1 });
  assert.equal(worst?.index, 1);
  assert.equal(worst?.relativeError, 0.5);
  assert.equal(worst?.isClose, false);
  assert.equal(worstDifference([1], [0])?.relativeError, Infinity);
});
