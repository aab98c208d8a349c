/** What the page says of a run, and what it makes of a run that goes on. */

import assert from "node:assert/strict";
import type { StepMetrics } from "../../../pipeline/engine/events.ts";
import { RunProgress } from "../../../playground/training/run_progress.ts";

function metricsAt(step: number, loss: number): StepMetrics {
  return { step, loss, stepTime: 2, imagesPerSecond: 8 } as StepMetrics;
}

function evaluationAt(step: number, knnTop1: number) {
  return { step, name: "features", result: { knnTop1, knnTop5: 1 } };
}

Deno.test("a run that goes on has the numbers of its save, and the time that is left", () => {
  const run = new RunProgress({
    step: 2,
    totalSteps: 5,
    isFinished: false,
    metrics: [metricsAt(1, 4), metricsAt(2, 3)],
    evaluations: [evaluationAt(2, 0.5)],
  });
  assert.equal(run.secondsLeft, null);
  assert.deepEqual(run.figures(), [
    ["Step", "2 of 5"],
    ["Loss", "3"],
    ["k-NN", "50.0 %"],
    ["Images/s", "8"],
    ["Saved", "after step 2"],
  ]);
  run.addStep(metricsAt(3, 2));
  assert.equal(run.secondsLeft, 4);
  assert.deepEqual(run.figures().at(-1), ["Time left", "4.0 s"]);
});

Deno.test("an evaluation that is repeated counts once", () => {
  const run = new RunProgress();
  run.totalSteps = 4;
  for (const step of [1, 2]) run.addStep(metricsAt(step, step));
  run.addEvaluation(evaluationAt(1, 0.25));
  for (const accuracy of [0.5, 0.75]) run.addEvaluation(evaluationAt(2, accuracy));
  const plot = run.plots().find((figure) => figure.includes("k-NN accuracy"))!;
  assert.equal(plot.match(/<circle/g)?.length, 2);
  assert.match(plot, /75\.0 %/);
});
