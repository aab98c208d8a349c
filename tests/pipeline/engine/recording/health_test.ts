import assert from "node:assert/strict";
import type { RunEvent, StepMetrics } from "../../../../pipeline/engine/events.ts";
import { RunHealth } from "../../../../pipeline/engine/recording/health.ts";

type Warning = Extract<RunEvent, { type: "warning" }>;

/** The warnings of a run of 2000 steps with the metrics that `at` gives. */
function warningsOf(at: (step: number) => Partial<StepMetrics>): Warning[] {
  const warnings: Warning[] = [];
  const health = new RunHealth({ stalledSteps: 300, starvedShare: 0.5 }, (event) => {
    if (event.type === "warning") warnings.push(event);
  });
  for (let step = 1; step <= 2000; step++) {
    const usual = { loss: 5 - step / 1000, dataTime: 0.1, stepTime: 1, skipped: false };
    health.see({ step, learningRate: 1e-3, ...usual, ...at(step) } as StepMetrics);
  }
  return warnings;
}

Deno.test("a run that learns and does not wait is left alone", () => {
  assert.deepEqual(warningsOf((step) => ({ loss: 5 - step / 1000 + (step % 7) / 10 })), []);
});

Deno.test("a loss that stands still is said once, with the step of its low and the remedy", () => {
  const [warning, ...more] = warningsOf((step) => ({ loss: Math.max(4, 5 - step / 100) }));
  assert.deepEqual([warning.kind, more.length], ["stalledLoss", 0]);
  assert.match(
    warning.message,
    /^The loss has not fallen for 300 steps: its mean is 4\.0\d*, and was/,
  );
  assert.match(warning.message, /try another --lr \(it is now 0\.001\)/);
  // Steps without a number count for nothing.
  const gaps = (step: number) => ({ loss: NaN, skipped: step % 2 === 0 });
  assert.deepEqual(warningsOf(gaps), []);
});

Deno.test("steps that wait for images are said once; the first ones may", () => {
  const [warning, ...more] = warningsOf((step) => ({ dataTime: step > 400 ? 0.9 : 0.1 }));
  assert.deepEqual([warning.kind, more.length], ["dataStarvation", 0]);
  assert.match(
    warning.message,
    /^Steps spend 5\d % of their time waiting for images: raise --workers/,
  );
  assert.deepEqual(warningsOf((step) => ({ dataTime: step <= 20 ? 1 : 0 })), []);
});
