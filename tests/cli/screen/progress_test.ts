import assert from "node:assert/strict";
import { formatDuration, formatNumber, Progress } from "../../../cli/screen/progress.ts";
import { formatLine } from "../../../cli/screen/live_line.ts";
import { plainStyle } from "../../../cli/screen/style.ts";
import { Screen } from "../../terminal/_screen.ts";
import type { StepMetrics } from "../../../pipeline/engine/events.ts";

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
    draw: (text) => written += text,
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
    "This will take about 25s",
    "step 21/50",
    "step 41/50",
    "step 50/50",
  ]);
  assert.equal(
    lines[0],
    "step 1/50  2 %  epoch 0.10  loss 5.400 →  32 images/s  waiting for data 25 %  1s, 25s left",
  );
  assert.match(lines[2], /loss 3\.400 ↓/);
  assert.doesNotMatch(lines[4], /left/);
});

Deno.test("the evaluation after the last step is a part of the time left", () => {
  const { progress, step, written } = record();
  progress.listener({
    ...{ type: "start", totalSteps: 50, step: 0, directory: null },
    ...{ config: { batchSize: 16 }, finalImages: 1920 },
  });
  // A step of half a second has 16 images; 1920 without gradients are worth 40 of them.
  for (let i = 1; i <= 50; i++) step(i, 50, i / 2);
  const lines = written().trimEnd().split("\n");
  assert.match(lines[1], /1s, 45s left$/);
  assert.match(lines[2], /^This will take about 45s$/);
  assert.match(lines.at(-1)!, /, 20s left to evaluate$/);
});

/** What stands on the screen after all that was written. */
async function screenOf(written: string, columns = 100): Promise<Screen> {
  const screen = new Screen(columns, 10);
  await screen.write(written.replaceAll(/\r?\n/g, "\r\n"));
  return screen;
}

Deno.test("a start names the model: by its sizes, or by where it comes from", () => {
  const model = { depth: 4, embedDim: 128, imageSize: 32 };
  const start = (config: Record<string, unknown>) => {
    const { progress, written } = record();
    progress.listener({ type: "start", totalSteps: 50, step: 0, directory: null, config });
    return written();
  };
  assert.equal(
    start({ task: "pretrain", model }),
    "Pretraining: 4 blocks of width 128, 32 px; 50 steps\n",
  );
  assert.equal(
    start({ task: "finetune", model, pretrained: "runs/photos" }),
    "Fine-tuning of runs/photos; 50 steps\n",
  );
});

Deno.test("what the last step is evaluated at stands in the table, on a terminal there alone", () => {
  for (const isTerminal of [true, false]) {
    const { progress, written } = record({ isTerminal });
    progress.listener({ type: "start", totalSteps: 50, step: 0, directory: null });
    for (const step of [25, 50]) {
      progress.listener({ type: "evaluation", step, name: "features", result: { knnTop1: 0.5 } });
    }
    assert.match(written(), /step 25, this model: k-NN 50\.0 %/);
    assert.equal(written().includes("step 50, this model"), !isTerminal);
  }
});

Deno.test("on a terminal one line renews itself, and other lines stand above it", async () => {
  const { progress, step, written } = record({ isTerminal: true });
  step(1, 9, 0);
  step(2, 9, 1, { skipped: true });
  progress.listener({ type: "warning", kind: "codebookCollapse", message: "codebook collapses" });
  step(3, 9, 2);
  const live = (await screenOf(written())).rows();
  assert.equal(live.length, 2);
  assert.equal(live[0], "warning: codebook collapses");
  assert.match(
    live[1],
    /^━{5,7}─{11,14} {3}33 % {2}step 3\/9 {2}loss 5\.200 [→↓] {2}32 images\/s {2}3s, 3s left/,
  );
  progress.listener({ type: "done", step: 3, interrupted: true });
  const done = await screenOf(written());
  assert.deepEqual(done.rows(), ["warning: codebook collapses"]);
  assert.equal(done.isAtLineStart(), true);
});

Deno.test("at 80 columns the line has all that matters; the least important goes first", () => {
  const line = (columns: number) => {
    const { step, written } = record({ isTerminal: true, columns });
    step(1234, 5000, 0, { skipped: true, imagesPerSecond: 1500 });
    return written().split("\x1b[J")[1].trimEnd();
  };
  const parts = [/━.*─/, /24 %/, /step 1234\/5000/, /loss/, /1500 images\/s/, /1s, 31m 23s left/];
  for (const part of parts) assert.match(line(80), part);
  assert.match(line(200), /skipped {2}waiting for data 25 %$/);
  assert.doesNotMatch(line(40), /images/);
  for (const columns of [1, 2, 5, 20, 40, 80, 200]) {
    assert.ok(line(columns).length < columns || columns === 1);
  }
});

Deno.test("the bar of work with a long name stays a bar; its count goes", () => {
  const line = (done: number, total: number) =>
    formatLine({
      share: done / total,
      what: "Evaluating this model: training images",
      parts: [{ text: `${done}/${total}`, rank: 2 }, { text: "36s, 1m 06s left", rank: 1 }],
    }, 80);
  assert.equal(
    line(1400, 5600),
    "━━━━──────────   25 %  Evaluating this model: training images  36s, 1m 06s left",
  );
});

Deno.test("a window made narrower leaves nothing of the line behind", async () => {
  for (const [from, to] of [[200, 80], [80, 30], [100, 12]]) {
    const options = { isTerminal: true, columns: from };
    const { progress, step, written } = record(options);
    const screen = new Screen(from, 12);
    progress.line("above");
    step(1, 9, 0);
    await screen.write(written().replaceAll("\n", "\r\n"));
    const before = written().length;
    screen.resize(to);
    options.columns = to;
    step(2, 9, 1);
    await screen.write(written().slice(before));
    assert.equal(screen.rows().length, 2, screen.rows().join("\n"));
    assert.equal(screen.rows()[0], "above");
  }
});

Deno.test("other long work has a line of its own, which goes when it is done", async () => {
  const { work, written } = record();
  for (const [done, at] of [[0, 0], [10, 1], [20, 12], [40, 13]]) {
    work("Evaluating: k-NN", done, 40, at);
  }
  assert.equal(written(), "Evaluating: k-NN  20/40  50 %  12s, 12s left\n");
  const onTerminal = record({ isTerminal: true });
  for (const [done, at] of [[0, 0], [10, 1], [20, 12]]) {
    onTerminal.work("Evaluating: k-NN", done, 40, at);
  }
  const [line] = (await screenOf(onTerminal.written())).rows();
  assert.match(line, /^━{15}─{15} {3}50 % {2}Evaluating: k-NN {2}20\/40 {2}12s, 12s left$/);
  onTerminal.work("Evaluating: k-NN", 40, 40, 13);
  assert.deepEqual((await screenOf(onTerminal.written())).rows(), []);
});

Deno.test("work without a known end is counted; a long name is cut, and obeyed nowhere", async () => {
  const { work, written } = record({ isTerminal: true, columns: 80 });
  work("Listing images", 1200, null, 0);
  assert.match((await screenOf(written(), 80)).rows()[0], /^Listing images {2}1.200 {2}0s$/);
  const { work: draw, written: drawn } = record({ isTerminal: true, columns: 80 });
  draw(`Reading photos/\x1b[2J${"風景写真".repeat(40)}/last.jpg`, 1, 3, 0);
  const rows = (await screenOf(drawn(), 80)).rows();
  assert.equal(rows.length, 1);
  assert.match(rows[0], /^━+─+ +33 % {2}Reading photos\/.*…風?.*\/last\.jpg {2}1\/3/);
});

Deno.test("an image that several parts of the work cannot read is named once", () => {
  const { progress, written } = record();
  const skip = (id: string, reason: string) =>
    progress.listener({
      type: "warning",
      kind: "unreadableImage",
      message: `Skipped an image: ${id}: ${reason}`,
      file: { id, reason },
    });
  skip("a.jpg", "cut off");
  skip("a.jpg", "broken");
  skip("b.jpg", "empty");
  assert.equal(
    written(),
    "warning: Skipped an image: a.jpg: cut off\nwarning: Skipped an image: b.jpg: empty\n",
  );
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

Deno.test("the time that is left follows the mean step and counts waiting for data", () => {
  const { step, written } = record();
  step(1, 100, 0, { stepTime: 1, imagesPerSecond: 16, dataTime: 1 });
  assert.match(written(), /16 images\/s {2}waiting for data 100 % {2}1s, 1m 39s left/);
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
