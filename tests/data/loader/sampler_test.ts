import assert from "node:assert/strict";
import { rankShare, SampleOrder, StepPlan } from "../../../data/loader/sampler.ts";

const epochOf = (order: SampleOrder, epoch: number) =>
  Array.from({ length: order.length }, (_, position) => order.at(epoch, position));

Deno.test("SampleOrder visits every sample once, in an order of the seed and the epoch alone", () => {
  for (const length of [1, 2, 3, 4, 5, 16, 17, 1000, 4097]) {
    const order = new SampleOrder({ length, seed: 5 });
    const third = epochOf(order, 3);
    assert.equal(new Set(third).size, length);
    assert.ok(third.every((index) => index >= 0 && index < length));
    epochOf(order, 0);
    assert.deepEqual(epochOf(order, 3), third);
    if (length > 100) {
      assert.notDeepEqual(epochOf(order, 4), third);
      assert.notDeepEqual(epochOf(new SampleOrder({ length, seed: 6 }), 3), third);
    }
  }
});

Deno.test("SampleOrder works at the size of ImageNet-21k", () => {
  const length = 14_197_122;
  const order = new SampleOrder({ length, seed: 0 });
  const seen = new Set<number>();
  for (let position = length - 50_000; position < length; position++) {
    seen.add(order.at(2, position));
  }
  assert.equal(seen.size, 50_000);
  const mean = [...seen].reduce((sum, index) => sum + index / seen.size, 0);
  assert.ok(Math.abs(mean / length - 0.5) < 0.006, `${mean / length}`);
});

Deno.test("SampleOrder puts each sample at each position equally often", () => {
  const length = 12;
  const order = new SampleOrder({ length, seed: 1 });
  const counts = new Float64Array(length * length);
  const epochs = 6000;
  for (let epoch = 0; epoch < epochs; epoch++) {
    epochOf(order, epoch).forEach((index, position) => counts[position * length + index]++);
  }
  const expected = epochs / length;
  const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  const freedom = (length - 1) ** 2;
  assert.ok(chiSquare < freedom + 5 * Math.sqrt(2 * freedom), `${chiSquare}`);
});

Deno.test("SampleOrder keeps the source's order when told", () => {
  assert.deepEqual(
    epochOf(new SampleOrder({ length: 4, seed: 1, isShuffled: false }), 9),
    [0, 1, 2, 3],
  );
});

Deno.test("StepPlan cuts epochs as unilm and mmselfsup do", () => {
  const unilm = new StepPlan({ length: 1_281_167, batch: 2048 });
  assert.equal(unilm.stepsPerEpoch, 625);
  assert.deepEqual(unilm.at(625), { epoch: 1, position: 0, count: 2048 });
  const whole = new StepPlan({ length: 1_281_167, batch: 2048, dropsLast: false });
  assert.equal(whole.stepsPerEpoch, 626);
  assert.deepEqual(whole.at(625), { epoch: 0, position: 1_280_000, count: 1167 });
});

Deno.test("rankShare() covers everything once", () => {
  for (const [count, ranks] of [[10, 3], [2, 4], [2048, 8], [7, 7]]) {
    let next = 0;
    for (let rank = 0; rank < ranks; rank++) {
      const [from, to] = rankShare(count, rank, ranks);
      assert.equal(from, next);
      next = to;
    }
    assert.equal(next, count);
  }
});
