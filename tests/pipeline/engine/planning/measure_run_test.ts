import assert from "node:assert/strict";
import { resolveConfig } from "../../../../methods/configs.ts";
import type { StepMetrics } from "../../../../pipeline/engine/events.ts";
import { finetune } from "../../../../methods/classify/method.ts";
import { planFinetuning } from "../../../../methods/classify/plan.ts";
import { linearProbe } from "../../../../methods/probe/method.ts";
import { planLinearProbe } from "../../../../methods/probe/plan.ts";
import {
  measureRun,
  type RunMeasurement,
} from "../../../../pipeline/engine/planning/measure_run.ts";
import { planDisk } from "../../../../pipeline/engine/planning/plan_disk.ts";
import { pretrain } from "../../../../methods/beit/method.ts";
import { planPretraining } from "../../../../methods/beit/plan.ts";
import { trainTokenizer } from "../../../../methods/vqkd/method.ts";
import { planTokenizer, tokenizerSteps } from "../../../../methods/vqkd/plan.ts";
import { runTask } from "../../../cli/_tasks.ts";
import { tinyConfig, tinyOverrides, withFolder, writeTinyTokenizer } from "../../../tasks/_tiny.ts";
import { tinyTokenizerConfig } from "../../../tasks/_tiny_tokenizer.ts";

const quick = { seconds: 0.05 };

/** Bytes of all files below a folder. */
function bytesBelow(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    bytes += isDirectory ? bytesBelow(path) : Deno.statSync(path).size;
  }
  return bytes;
}

function assertMeasured(measured: RunMeasurement | null, steps: number): void {
  assert.ok(measured !== null);
  const { secondsPerStep, imagesPerSecond, remainingSteps, secondsToFinish } = measured;
  assert.ok(measured.device.startsWith("cpu: ") && secondsPerStep > 0 && imagesPerSecond > 0);
  assert.equal(remainingSteps, steps);
  assert.ok(Math.abs(secondsToFinish - steps * secondsPerStep) < 1e-9);
  assert.ok(measured.waitingShare >= 0 && measured.waitingShare <= 1);
  assert.ok(Object.keys(measured.speedOfMicroBatch).includes(String(measured.proposedMicroBatch)));
}

Deno.test("every task is measured, keeps nothing, and evaluates nothing", async () => {
  await withFolder(async (folder) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const config = await tinyConfig(tokenizer, ["evaluation.knn.atEnd=true"]);
    const plan = await planPretraining(config);
    const notes: string[] = [];
    const options = { ...quick, onNote: (note: string) => notes.push(note) };
    const measured = await measureRun(config, plan, pretrain, { ...options, startStep: 5 });
    assertMeasured(measured, 7);
    assert.deepEqual(Object.keys(measured!.speedOfMicroBatch), ["4"]);
    assert.ok(measured!.peakMemoryBytes! > plan.memory.weights);
    assert.equal(notes.length, 1, notes.join());

    const cache = `${folder}/features`;
    const vqkd = await tinyTokenizerConfig([`teacher.cache.directory=${cache}`]);
    const steps = tokenizerSteps(vqkd);
    assertMeasured(await measureRun(steps, await planTokenizer(vqkd), trainTokenizer, quick), 12);
    assert.throws(() => Deno.statSync(cache), Deno.errors.NotFound);

    const shape = ["model.embedDim=16", "model.heads=2", "model.depth=2", "batchSize=4"];
    const common = ["data.workers=0", "backend.name=cpu", "backend.threads=1"];
    const { config: tuned } = await resolveConfig({
      task: "finetune",
      overrides: [...shape, ...common, "schedule.maxSteps=6"],
    });
    assertMeasured(await measureRun(tuned, await planFinetuning(tuned), finetune, quick), 6);

    const directory = `${folder}/run`;
    await pretrain({ ...config, schedule: { ...config.schedule, maxSteps: 1 } }, { directory });
    const { config: probed } = await resolveConfig({
      task: "linearProbe",
      overrides: [...common, `pretrained=${directory}`, "augment.size=16", "probe.epochs=1"],
    });
    const probePlan = await planLinearProbe(probed);
    assertMeasured(
      await measureRun(probed, probePlan, linearProbe, quick),
      probePlan.totalSteps,
    );
  });
});

Deno.test("the time of a step with many micro-batches is that of two, multiplied", async () => {
  await withFolder(async (folder) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      "batchSize=64",
      "microBatchSize=4",
    ]);
    const sizes: number[] = [];
    const times: number[] = [];
    const measured = await measureRun(config, await planPretraining(config), (short, options) => {
      sizes.push(short.batchSize);
      const listener: typeof options.listener = (event) => {
        if (event.type === "step") times.push(event.metrics.stepTime);
        options.listener(event);
      };
      return pretrain(short, { ...options, listener });
    }, quick);
    assert.deepEqual(sizes, [8]);
    const timed = times.slice(1);
    assert.equal(measured!.steps, timed.length);
    const perStep = measured!.secondsPerStep / 8;
    assert.ok(perStep >= Math.min(...timed) && perStep <= Math.max(...timed));
  });
});

Deno.test("the disk is planned as a run then takes it", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      "checkpoint.everySteps=2",
      "checkpoint.keepLast=2",
      "checkpoint.keepEvery=4",
    ]);
    const { disk } = await planPretraining(config);
    await pretrain(config, { backend, directory: `${folder}/run` });
    const kept = [...Deno.readDirSync(`${folder}/run/checkpoints`)].map(({ name }) => name);
    assert.deepEqual(kept.sort(), ["step-10", "step-12", "step-4", "step-8"]);
    assert.equal(disk.kept, 4 * disk.checkpoint);
    assert.equal(disk.atMost, 5 * disk.checkpoint);
    const taken = bytesBelow(`${folder}/run/checkpoints`);
    assert.ok(taken >= disk.kept && taken < 1.3 * disk.kept, `${taken}, planned ${disk.kept}`);
  });
  const length = { stepsPerEpoch: 10, scheduleSteps: 95, totalSteps: 95 };
  const checkpoint = { everySteps: null, everyEpochs: null, keepLast: 3, keepEvery: null };
  const { kept, atMost } = planDisk({ checkpoint }, 10, length, { models: 1, numbers: 5 });
  assert.deepEqual([kept, atMost], [140 + 40, 140 + 40], "one checkpoint, at the end");
});

Deno.test("pretrain --dry-run --json: what a user gets, with the task's own permissions", async () => {
  await withFolder(async (folder) => {
    const words = [...tinyOverrides(await writeTinyTokenizer(folder)), "microBatchSize=4"]
      .flatMap((override) => ["--set", override]);
    const out = `${folder}/deep/run`;
    const call = [...words, "--out", out, "--dry-run", "--json"];
    const { code, stdout, stderr } = await runTask("pretrain", call);
    assert.equal(code, 0, stderr);
    const { measured, disk, warnings, memory } = JSON.parse(stdout);
    assertMeasured(measured, 12);
    assert.ok(disk.free > 0 && memory.peak > 0);
    assert.deepEqual(warnings, []);
    assert.throws(() => Deno.statSync(out), Deno.errors.NotFound);
  });
});

Deno.test("micro-batches are tried from small to large, as far as a minute goes", async () => {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: ["batchSize=1024", "backend.name=reference"],
  });
  const memory = {
    weights: 0,
    gradients: 0,
    optimizer: 0,
    frozen: 0,
    activations: 0,
    saving: 0,
    peak: 0,
  };
  const measureAt = async (secondsPerImage: (microBatch: number) => number, microBatch = 512) => {
    const plan = { batch: 1024, microBatch, totalSteps: 10, memory };
    return await measureRun({ ...config }, plan, (short, { listener }) => {
      const stepTime = short.batchSize * secondsPerImage(short.microBatchSize as number);
      for (let step = 1; step <= 4; step++) {
        const metrics = { step, stepTime, dataTime: 0 } as unknown as StepMetrics;
        listener({ type: "step", totalSteps: 10, metrics });
      }
      return Promise.resolve();
    }, quick);
  };
  const fast = await measureAt((size) => 0.01 / Math.min(size, 32));
  assert.deepEqual(Object.keys(fast!.speedOfMicroBatch), ["8", "32", "128", "512"]);
  assert.deepEqual([fast!.microBatch, fast!.proposedMicroBatch], [512, 512]);
  const best = await measureAt((size) => 0.001 * Math.abs(Math.log2(size) - 5) + 0.001);
  assert.deepEqual([best!.microBatch, best!.proposedMicroBatch], [512, 32]);
  const slow = await measureAt(() => 1);
  assert.deepEqual(Object.keys(slow!.speedOfMicroBatch), ["8"]);
  assert.deepEqual([slow!.microBatch, slow!.secondsToFinish], [8, 10240]);
});
