import assert from "node:assert/strict";
import { formatDuration, formatNumber, Progress } from "../../cli/_progress.ts";
import { plainStyle } from "../../cli/_style.ts";
import type { StepMetrics } from "../../pipeline/events.ts";

function metrics(step: number, changes: Partial<StepMetrics> = {}): StepMetrics {
  return {
    step,
    epoch: step / 10,
    loss: 5.5 - step / 10,
    learningRate: 1e-3,
    lossScale: 1,
    gradNorm: 1,
    skipped: false,
    imagesPerSecond: 32,
    dataTime: 0.125,
    stepTime: 0.5,
    stages: {},
    ...changes,
  };
}

function record(options: { isTerminal?: boolean; quiet?: boolean; columns?: number } = {}) {
  let written = "";
  let time = 0;
  const progress = new Progress({
    write: (text) => written += text,
    isTerminal: options.isTerminal ?? false,
    columns: () => options.columns ?? 100,
    style: plainStyle,
    now: () => time,
    plainSeconds: 10,
    quiet: options.quiet ?? false,
  });
  return {
    progress,
    step(step: number, totalSteps: number, at: number, changes?: Partial<StepMetrics>) {
      time = at;
      progress.listener({ type: "step", totalSteps, metrics: metrics(step, changes) });
    },
    work(what: string, done: number, total: number | null, at: number) {
      time = at;
      progress.listener({ type: "progress", what, done, total });
    },
    written: () => written,
  };
}

Deno.test("elsewhere than on a terminal: the first step, one every ten seconds, the last", () => {
  const { step, written } = record();
  for (let i = 1; i <= 50; i++) step(i, 50, i / 2);
  const lines = written().trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => line.split("  ")[0]), [
    "step 1/50",
    "step 21/50",
    "step 41/50",
    "step 50/50",
  ]);
  assert.equal(
    lines[0],
    "step 1/50  epoch 0.10  loss 5.400  32 images/s  data 25 %  ETA 25s",
  );
  assert.doesNotMatch(lines[3], /ETA/);
});

Deno.test("on a terminal one line renews itself, and other lines stand above it", () => {
  const { progress, step, written } = record({ isTerminal: true });
  step(1, 9, 0);
  step(2, 9, 1, { skipped: true });
  progress.listener({ type: "warning", kind: "codebookCollapse", message: "codebook collapses" });
  step(3, 9, 2);
  progress.listener({ type: "done", step: 3, interrupted: true });
  const parts = written().split("\r\x1b[K");
  assert.match(parts[1], /^step 1\/9 /);
  assert.match(parts[2], /skipped$/);
  assert.equal(parts[3], "warning: codebook collapses\n");
  assert.match(parts[4], /^step 3\/9 /);
  assert.equal(parts[5], "");
});

Deno.test("the renewed line never breaks", () => {
  const { step, written } = record({ isTerminal: true, columns: 30 });
  step(1, 9, 0);
  assert.ok(written().split("\x1b[K")[1].length < 30);
});

Deno.test("other long work has a line of its own, which goes when it is done", () => {
  for (const isTerminal of [true, false]) {
    const { work, written } = record({ isTerminal });
    for (const [done, at] of [[0, 0], [10, 1], [20, 12], [40, 13]]) {
      work("Evaluating: k-NN", done, 40, at);
    }
    const lines = written().split(isTerminal ? "\r\x1b[K" : "\n").filter((line) => line !== "");
    assert.deepEqual(lines, [
      ...(isTerminal
        ? ["Evaluating: k-NN  0/40  0 %", "Evaluating: k-NN  10/40  25 %  ETA 3s"]
        : []),
      "Evaluating: k-NN  20/40  50 %  ETA 12s",
    ]);
    if (isTerminal) assert.ok(written().endsWith("\r\x1b[K"));
  }
});

Deno.test("work without a known end is counted", () => {
  const { work, written } = record({ isTerminal: true });
  work("Listing images", 1200, null, 0);
  assert.match(written(), /Listing images {2}1200$/);
});

Deno.test("quiet leaves warnings only", () => {
  const { progress, step, written } = record({ quiet: true });
  step(1, 9, 0);
  progress.listener({ type: "note", message: "note" });
  progress.listener({ type: "start", totalSteps: 9, step: 0, directory: "runs/a" });
  progress.listener({ type: "checkpoint", step: 1, path: "x" });
  progress.listener({ type: "warning", kind: "stalledLoss", message: "careful" });
  assert.equal(written(), "warning: careful\n");
});

Deno.test("the ETA follows the mean step and counts waiting for data", () => {
  const { step, written } = record();
  step(1, 100, 0, { stepTime: 1, imagesPerSecond: 16, dataTime: 1 });
  assert.match(written(), /16 images\/s {2}data 100 % {2}ETA 1m 39s/);
});

Deno.test("formatDuration() and formatNumber()", () => {
  assert.deepEqual([0, 59.6, 61, 3600, 90_061, -1].map(formatDuration), [
    "0s",
    "1m 00s",
    "1m 01s",
    "1h 00m",
    "1d 01h",
    "0s",
  ]);
  assert.deepEqual([5.31249, 12, 0.01234567, 1.2e-5, 0, NaN].map(formatNumber), [
    "5.312",
    "12",
    "0.01235",
    "1.2e-5",
    "0",
    "NaN",
  ]);
});
