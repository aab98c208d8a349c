import assert from "node:assert/strict";
import type { PartResult } from "../../../bench/study/run_part.ts";
import { DatasetSummary, formatSpread, spreadOf } from "../../../bench/study/summary.ts";

const tuned = (seed: number, top1: number, passes = 8): PartResult => ({
  id: `set/arm/seed-${seed}/finetune-10pct-${passes}`,
  kind: "finetune",
  dataset: "set",
  arm: "arm",
  seed,
  labels: 0.1,
  passes,
  hash: "",
  backend: "cpu",
  cost: 10 * passes,
  figures: { top1, top5: 1, loss: 1 },
});

Deno.test("formatSpread() shows mean and range, and says where seeds are few", () => {
  assert.equal(formatSpread(spreadOf([0.48, 0.49, 0.5])), "49.0 (48.0 – 50.0)");
  assert.equal(formatSpread(spreadOf([0.48, 0.5])), "49.0 (48.0 – 50.0, two seeds)");
  assert.equal(formatSpread(spreadOf([0.4812])), "48.1 (one seed)");
  assert.equal(formatSpread(spreadOf([])), "–");
});

Deno.test("DatasetSummary keeps data sets, arms, shares and budgets apart", () => {
  const results = [tuned(0, 0.4), tuned(1, 0.6), tuned(0, 0.9, 16)];
  const other = { ...tuned(2, 0), dataset: "other" };
  const summary = new DatasetSummary([...results, other], "set");
  assert.deepEqual(summary.finetuned("arm", 0.1, 8), { mean: 0.5, low: 0.4, high: 0.6, seeds: 2 });
  assert.equal(summary.finetuned("arm", 1, 8), null);
  assert.equal(summary.finetuned("another", 0.1, 8), null);
  assert.deepEqual(["arm", "another"].map((arm) => summary.has(arm)), [true, false]);
  assert.deepEqual(summary.budgets(0.1), [8, 16]);
  assert.deepEqual(summary.shares(), [0.1]);
  assert.equal(summary.finetuningCost("arm", 16), 160);
  assert.equal(summary.pretrainingCost("arm", "set/tokenizer"), null);
});
