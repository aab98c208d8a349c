import assert from "node:assert/strict";
import {
  largestMicroBatch,
  type ModelFootprint,
  planMemory,
} from "../../../../pipeline/engine/planning/plan.ts";

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
  const { peak, ...parts } = plan;
  assert.equal(peak, Object.values(parts).reduce((sum, bytes) => sum + bytes, 0));
  assert.equal(plan.activations, 8 * 197 * 768 * (14 * 18 + 12) * 4);
});

Deno.test("planMemory() counts float16, recomputed blocks, logits and the sum of gradients", () => {
  const token = 8 * 197 * 768;
  const { activations } = planMemory(vitBase, 8, { activationBytes: 2 });
  assert.equal(activations, token * (14 * 18 * 2 + 12 * 4));
  const some = planMemory(vitBase, 8, { recompute: 10 });
  assert.equal(some.activations, token * (4 * 18 + 10 + 12) * 4);
  const all = planMemory(vitBase, 8, { recompute: 99, activationBytes: 2 });
  assert.equal(all.activations, token * (18 * 2 + (14 + 12) * 4));
  const masked = planMemory({ ...vitBase, finalShare: 0.5, branches: 2 }, 8);
  // Of 18 numbers a token in the two last blocks 12 are halved, of 12 outside the blocks 8.
  assert.equal(masked.activations, token * (14 * 18 + 12 - 2 * 6 - 4) * 4);
  const logits = { ...vitBase, logits: 75 * 100 };
  const difference = planMemory(logits, 8).peak - planMemory(vitBase, 8).peak;
  assert.equal(difference, 2 * 8 * 75 * 100 * 4);
  assert.equal(planMemory(vitBase, 8, { accumulates: true }).gradients, 8 * 106_143_056);
});

Deno.test("planMemory() counts what saving reads back, and the tables of relative positions", () => {
  const plain = planMemory(vitBase, 8);
  assert.equal(plain.saving, 0);
  const largest = 8192 * 768;
  const model = { ...vitBase, largestParameter: largest, positions: { tables: 1, heads: 12 } };
  const plan = planMemory(model, 8);
  assert.equal(plan.saving, 2 * 4 * largest);
  assert.equal(plan.activations - plain.activations, 2 * 12 * 197 ** 2 * 4);
  assert.equal(plan.peak - plain.peak, plan.saving + 2 * 12 * 197 ** 2 * 4);
});

Deno.test("largestMicroBatch() divides the batch and fits the budget", () => {
  const budget = 20e9;
  const microBatch = largestMicroBatch(vitBase, 2048, { budgetBytes: budget });
  assert.equal(2048 % microBatch, 0);
  assert.ok(planMemory(vitBase, microBatch, { accumulates: true }).peak <= budget);
  assert.ok(planMemory(vitBase, microBatch * 2, { accumulates: true }).peak > budget);
});

Deno.test("largestMicroBatch() is the whole batch with memory to spare, and 1 without any", () => {
  assert.equal(largestMicroBatch(vitBase, 12, { budgetBytes: 1e15 }), 12);
  assert.equal(largestMicroBatch(vitBase, 12, { budgetBytes: 1 }), 1);
});

Deno.test("largestMicroBatch() keeps to the largest tensor and to a number of images", () => {
  // 197 tokens, four times 768 wide: 128 MiB hold those of 55 images in float32, of 110 in float16.
  const bounds = { budgetBytes: 1e15, tensorBytes: 2 ** 27 };
  assert.equal(largestMicroBatch(vitBase, 2048, bounds), 32);
  assert.equal(largestMicroBatch(vitBase, 2048, bounds, { activationBytes: 2 }), 64);
  assert.equal(largestMicroBatch(vitBase, 12, { budgetBytes: 1e15, images: 5 }), 4);
});
