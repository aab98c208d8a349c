import assert from "node:assert/strict";
import { resolveConfig } from "../../methods/configs.ts";
import {
  formatMetric,
  hasMetricName,
  metricName,
  tellingMetrics,
} from "../../core/metric_names.ts";
import type { RunEvent } from "../../pipeline/engine/events.ts";
import { finetune } from "../../methods/classify/method.ts";
import { linearProbe } from "../../methods/probe/method.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { segment } from "../../methods/segment/method.ts";
import { trainTokenizer } from "../../methods/vqkd/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { tinyFinetune } from "../tasks/_tiny_finetune.ts";
import { writeTinyData, writeTinyModel } from "../tasks/_tiny_model.ts";
import { tinySegment } from "../tasks/_tiny_segment.ts";
import { tinyTokenizerConfig } from "../tasks/_tiny_tokenizer.ts";

/** Keys of the numbers in a run's log of events and steps. */
function* keysOf(run: string): Generator<string> {
  for (const file of ["metrics.jsonl", "events.jsonl"]) {
    for (const line of Deno.readTextFileSync(`${run}/${file}`).trimEnd().split("\n")) {
      const record = JSON.parse(line) as RunEvent & Record<string, unknown>;
      if (record.type === "evaluation") {
        for (const key of Object.keys(record.result)) yield `${record.name}/${key}`;
      }
      if (file === "events.jsonl") continue;
      for (const [key, value] of Object.entries(record)) {
        if (typeof value === "number") yield key;
        else if (key === "stages") yield* Object.keys(value as object).map((s) => `stages.${s}`);
      }
    }
  }
}

Deno.test("every number that a training logs has a name in words", async () => {
  await withFolder(async (folder, backend) => {
    const data = writeTinyData(folder);
    const pretrained = await writeTinyModel(folder);
    const of = (name: string) => ({ backend, directory: `${folder}/${name}` });
    await pretrain(
      await tinyConfig(await writeTinyTokenizer(folder), [
        `data.source=${data}`,
        "schedule.steps=4",
        "evaluation.knn.atEnd=true",
        "evaluation.linear.atEnd=true",
      ]),
      of("pretrain"),
    );
    await trainTokenizer(await tinyTokenizerConfig(), of("tokenizer"));
    await finetune(
      await tinyFinetune(data, ["schedule.steps=4", "ema.decay=0.9"]),
      of("finetune"),
    );
    const { config } = await resolveConfig({
      task: "linearProbe",
      overrides: [
        `pretrained=${pretrained}`,
        `data.source=${data}`,
        "data.workers=0",
        "augment.size=16",
        "batchSize=6",
        "probe.epochs=1",
      ],
    });
    await linearProbe(config, of("linearProbe"));
    await segment(await tinySegment(["schedule.steps=4"]), of("segment"));
    const keys = new Set<string>();
    for (const task of ["pretrain", "tokenizer", "finetune", "linearProbe", "segment"]) {
      for (const key of keysOf(`${folder}/${task}`)) keys.add(key);
    }
    for (
      const key of [
        "untrained/linearTop1",
        "averaged/top1",
        "segmentation/mIoU",
        "layer1.clsAndMean/top1",
        "longestIdleSteps",
        "auxiliaryLoss",
        "fixed images/codesInUse",
        "stages.encode",
      ]
    ) assert.ok(keys.has(key), `${key} in ${[...keys]}`);
    for (const key of keys) {
      assert.ok(hasMetricName(key), `${key} has no name`);
      assert.ok(!/[a-z][A-Z]/.test(metricName(key).replace(/mIoU|RankMe/, "")), metricName(key));
    }
  });
});

Deno.test("a key of the user's own is taken apart, and inherited words are no names", () => {
  assert.equal(metricName("myOwnLoss"), "my own loss");
  assert.equal(metricName("evaluation/untrained/knnTop1"), "k-NN, untrained network");
  assert.equal(
    metricName("layer11.meanPatches/top1"),
    "top-1 accuracy, layer 11, mean of the patches",
  );
  assert.equal(metricName("constructor"), "constructor");
  assert.ok(!hasMetricName("constructor") && !hasMetricName("features/toString"));
});

Deno.test("formatMetric() writes shares in percent, rates as powers of ten, times with their unit", () => {
  const written = [
    ["pixels/linearTop1", 0.53125, "53.1 %"],
    ["learningRate", 0.00001001, "1.0e-5"],
    ["learningRate", 0.00253, "2.53e-3"],
    ["learningRate", 0, "0"],
    ["stepTime", 0.0421, "42.1 ms"],
    ["stages.encode", 75, "1 min 15 s"],
    ["longestIdleSteps", 1, "1 step"],
    ["longestIdleSteps", 1200, "1\u202f200 steps"],
    ["loss", 2.30258, "2.303"],
    ["loss", NaN, "NaN"],
  ] as const;
  for (const [key, value, expected] of written) assert.equal(formatMetric(key, value), expected);
});

Deno.test("top-5 accuracies are left out with fewer than six classes", () => {
  const result = { knnTop1: 0.5, knnTop5: 1, top5: 1 };
  assert.deepEqual(tellingMetrics(result, 5), { knnTop1: 0.5 });
  assert.deepEqual(tellingMetrics(result, 6), result);
});
