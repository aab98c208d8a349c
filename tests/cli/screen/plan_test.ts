import assert from "node:assert/strict";
import { describePlan, formatBytes, formatFigure } from "../../../cli/screen/plan.ts";

Deno.test("describePlan() names figures in words, bytes under memory", () => {
  const plan = {
    scheduleSteps: 187_500,
    epochs: 1.23456,
    memory: { total: 12_345_678 },
    checkpointBytes: 999,
    schedule: { peakLearningRate: 1.5e-3 },
  };
  assert.deepEqual(describePlan(plan), [
    "schedule steps                187 500",
    "epochs                        1.235",
    "memory: total                 12.3 MB",
    "checkpoint                    999 B",
    "schedule: peak learning rate  1.5e-3",
  ]);
});

Deno.test("formatBytes() and formatFigure() are short", () => {
  assert.deepEqual([0, 999, 1000, 999_600, 2.5e9].map(formatBytes), [
    "0 B",
    "999 B",
    "1 kB",
    "1 MB",
    "2.5 GB",
  ]);
  assert.deepEqual([1, 1000, 1_234_567, 0.12345].map(formatFigure), [
    "1",
    "1 000",
    "1 234 567",
    "0.1235",
  ]);
});
