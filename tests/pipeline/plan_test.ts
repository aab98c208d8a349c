import assert from "node:assert/strict";
import { largestMicroBatch, type ModelFootprint, planMemory } from "../../pipeline/plan.ts";

/** ViT-B/16 with the 8192-code head and two aggregation blocks, and a tokenizer's encoder. */
const vitBase: ModelFootprint = {
  parameters: 106_143_056,
  frozenParameters: 86_000_000,
  tokens: 197,
  embedDim: 768,
  mlpRatio: 4,
  blocks: 14,
};

Deno.test("planMemory() counts weights, gradients, two moments and activations", () => {
  const plan = planMemory(vitBase, 8);
  assert.equal(plan.optimizer, 2 * 4 * 106_143_056);
  assert.equal(
    plan.total,
    plan.weights + plan.gradients + plan.optimizer + plan.frozen + plan.activations,
  );
  assert.equal(plan.activations, 8 * 14 * 197 * 18 * 768 * 4);
});

Deno.test("largestMicroBatch() divides the batch and fits the budget", () => {
  const budget = 20e9;
  const microBatch = largestMicroBatch(vitBase, 2048, budget);
  assert.equal(2048 % microBatch, 0);
  assert.ok(planMemory(vitBase, microBatch).total <= budget);
  assert.ok(planMemory(vitBase, microBatch * 2).total > budget);
});

Deno.test("largestMicroBatch() is the whole batch with memory to spare, and 1 without any", () => {
  assert.equal(largestMicroBatch(vitBase, 12, 1e15), 12);
  assert.equal(largestMicroBatch(vitBase, 12, 1), 1);
});
