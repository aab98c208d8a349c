import assert from "node:assert/strict";
import { confusionHtml } from "../../report/confusion_matrix.ts";
import { Elapsed } from "../../report/elapsed.ts";
import { History } from "../../report/history.ts";
import { headlineOf, runResults } from "../../report/results.ts";
import type { EvaluationRecord } from "../../report/run_plots.ts";
import { type RunReport, runReportPage } from "../../report/run_report.ts";

/** A report of a run of 200 noisy steps. */
function report(changes: Partial<RunReport> = {}): RunReport {
  const history = new History();
  for (let step = 1; step <= 200; step++) {
    const loss = 5 - step / 100 + (step % 2) + 0.1234;
    history.add({ step, epoch: step / 50, loss, imagesPerSecond: 20 + step % 3, stepTime: 0.5 });
  }
  return {
    ...{
      name: "run",
      title: "pretraining",
      status: "finished",
      time: 0,
      step: 200,
      totalSteps: 200,
    },
    ...{ history, elapsedSeconds: 75, parameters: 1_234_567, evaluations: [], warnings: [] },
    ...{ pictures: null, config: [], facts: [], data: null, rejected: [], refreshSeconds: null },
    ...changes,
  };
}

const evaluations: EvaluationRecord[] = [
  { step: 100, name: "features", result: { knnTop1: 0.5, knnTop5: 0.9 } },
  { step: 200, name: "features", result: { knnTop1: 0.62, knnTop5: 0.95, linearTop1: 0.7 } },
  { step: 200, name: "untrained", result: { knnTop1: 0.52, linearTop1: 0.53 } },
  { step: 200, name: "pixels", result: { knnTop1: 0.78, linearTop1: 0.77 } },
  { step: 200, name: "fixed images", result: { accuracy: 0.1 } },
];

Deno.test("the trained model's result stands first, its baselines and chance beside it", () => {
  const [knn] = runResults(evaluations, 10);
  assert.deepEqual(knn.rows.map(({ name, value, role }) => [name, value, role]), [
    ["this model", 0.62, "model"],
    ["untrained network", 0.52, "baseline"],
    ["raw pixels", 0.78, "baseline"],
    ["chance", 0.1, "chance"],
  ]);
  assert.deepEqual(headlineOf(evaluations), { key: "knnTop1", value: 0.62 });
  assert.equal(headlineOf([]), null);
  const data = { location: "photos", files: 9, classes: [..."abcdefghij"] };
  const page = runReportPage(report({ evaluations, data }));
  const names = ["this model", "untrained network", "raw pixels", "chance"];
  const parts = ['class="verdict"', ...names.map((name) => `<span>${name}<`), "<dt>step<"];
  const places = parts.map((part) => page.indexOf(part));
  assert.ok(places.every((place, i) => place > (places[i - 1] ?? 0)), places.join());
  assert.ok(page.includes("10.0 points above the untrained network, 16.0 points below raw pixels"));
  assert.ok(
    page.includes("<b>70.0 %</b> linear accuracy: 17.0 points above the untrained network"),
  );
});

Deno.test("the best classifier of a probe leads, and a better model of before is told", () => {
  const probe = [0.3, 0.6, 0.5].map((top1, layer) => ({
    ...{ step: 9, name: `layer${layer}.cls`, result: { top1 } },
  }));
  const [group] = runResults(probe, 2);
  assert.deepEqual(group.rows.map(({ name }) => name), [
    "layer 1, cls token",
    "layer 0, cls token",
    "layer 2, cls token",
    "chance",
  ]);
  const finetuned = [[50, 0.8], [100, 0.7]].map(([step, top1]) => ({
    ...{ step, name: "classifier", result: { top1 } },
  }));
  assert.deepEqual(runResults(finetuned, 0)[0].rows.map(({ name, value }) => [name, value]), [
    ["this model", 0.7],
    ["best, step 50", 0.8],
  ]);
});

Deno.test("a tile and the legend of its plot say the same number, that of the last step", () => {
  const page = runReportPage(report());
  const tile = page.match(/<dt>loss<\/dt><dd>([^<]+)</)?.[1];
  const legend = page.match(/<strong>Loss<\/strong>.*?<b>([^<]+)</)?.[1];
  assert.equal(tile, "3.123");
  assert.equal(legend, tile);
  assert.match(page, /Lines of more than 50 steps are smoothed/);
  assert.match(page, /<dt>elapsed time<\/dt><dd>1 min 15 s</);
  assert.match(page, /<dt>parameters<\/dt><dd>1.23M</);
});

Deno.test("a run that did not reach its end says why", () => {
  const texts = {
    cut: "stopped by --max-steps at step 200 of 1\u202f200",
    interrupted: "interrupted at step 200 of 1\u202f200",
    failed: "ended by an error at step 200 of 1\u202f200",
  } as const;
  for (const [status, text] of Object.entries(texts)) {
    const page = runReportPage(report({ status: status as keyof typeof texts, totalSteps: 1200 }));
    assert.ok(page.includes(`>${text}<`), status);
    assert.ok(!page.includes(">finished<"));
  }
});

Deno.test("a confusion matrix has its labels and names what is mixed up most", () => {
  const html = confusionHtml({
    classes: ["shirt", "<coat>", "bag"],
    counts: [[6, 4, 0], [1, 8, 1], [0, 0, 10]],
  });
  assert.equal(html.match(/<th scope="col">/g)?.length, 3);
  assert.equal(html.match(/class="hit/g)?.length, 3);
  assert.ok(html.includes("&lt;coat&gt;") && !html.includes("<coat>"));
  assert.ok(html.includes('title="shirt mistaken for &lt;coat&gt;: 4, 40.0 %">40<'));
  assert.match(html, /<li><b>shirt<\/b> mistaken for <b>&lt;coat&gt;<\/b>/);
  const page = runReportPage(report({
    evaluations: [{
      ...{ step: 7, name: "segmentation", result: { mIoU: 0.5 } },
      confusion: { classes: ["sky", "sea"], counts: [[3, 1], [1, 3]] },
    }],
  }));
  assert.match(page, /Classes, step 7/);
  assert.match(page, /<span>sky<\/span>.*?<b>60.0 %<\/b>/, "intersection over union by class");
});

Deno.test("pauses between a stop and a resume are no elapsed time", () => {
  const elapsed = new Elapsed();
  for (const time of [100, 130]) elapsed.add({ type: "note", time });
  assert.equal(elapsed.seconds(), 0);
  for (const [type, time] of [["start", 130], ["checkpoint", 160], ["start", 9000]]) {
    elapsed.add({ type, time });
  }
  assert.deepEqual([elapsed.begun, elapsed.seconds(9010)], [100, 40]);
});

Deno.test("what a resume notes before it starts is no work of the run before it", () => {
  const elapsed = new Elapsed();
  const events = [["start", 0], ["checkpoint", 10], ["done", 12], ["note", 3590], [
    "warning",
    3595,
  ]];
  for (const [type, time] of [...events, ["start", 3600], ["note", 3601], ["done", 3605]]) {
    elapsed.add({ type, time });
  }
  assert.equal(elapsed.seconds(), 17);
});

Deno.test("a schedule is drawn as it is, noise smoothed; pixels' classes are not said to lack", () => {
  const history = new History();
  for (let step = 1; step <= 200; step++) {
    history.add({ step, loss: step % 2, learningRate: step <= 20 ? step / 20 : 1 });
  }
  const data = { location: "shapes", files: 1400, classes: [] };
  const page = runReportPage(
    report({ history, data, config: [["segmentation.head", "upernet", "default"]] }),
  );
  const plot = (title: string) => page.split(`<strong>${title}</strong>`)[1].split("</figure>")[0];
  assert.ok(plot("Loss").includes('opacity=".3"'));
  assert.ok(!plot("Learning rate").includes('opacity=".3"'));
  assert.match(page, /1\s400 files in <code>shapes<\/code>, none rejected\./);
  const other = runReportPage(report({ data }));
  assert.ok(other.includes("<code>shapes</code>, without classes, none rejected."));
});
