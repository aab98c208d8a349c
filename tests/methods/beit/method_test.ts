import assert from "node:assert/strict";
import { createBackend } from "../../../backends/mod.ts";
import { UserError } from "../../../core/errors.ts";
import type { RunEvent, StepMetrics } from "../../../pipeline/engine/events.ts";
import { mask } from "../../../pipeline/mask.ts";
import { pretrain, type PretrainOptions } from "../../../methods/beit/method.ts";
import type { PretrainConfig } from "../../../methods/beit/config.ts";
import { maskOptions } from "../../../pipeline/images/transforms.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../tasks/_tiny.ts";
import { writeTinyData } from "../../tasks/_tiny_model.ts";

/** The losses of a run, step by step. */
async function losses(config: PretrainConfig, options: PretrainOptions): Promise<number[]> {
  const found: number[] = [];
  await pretrain(config, {
    ...options,
    listener(event: RunEvent) {
      if (event.type === "step") found.push(event.metrics.loss);
      options.listener?.(event);
    },
  });
  return found;
}

function readMetrics(directory: string): StepMetrics[] {
  const text = Deno.readTextFileSync(`${directory}/metrics.jsonl`);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("pretrain() writes one line of metrics a step with every promised key", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder));
    const directory = `${folder}/run`;
    const result = await pretrain(config, { backend, directory });
    assert.equal(result.step, 12);
    const lines = readMetrics(directory);
    assert.deepEqual(lines.map(({ step }) => step), [...Array(12).keys()].map((i) => i + 1));
    const keys = ["step", "epoch", "loss", "loss1", "loss2", "accuracy1", "accuracy2"];
    keys.push("learningRate", "lossScale", "gradNorm", "skipped", "imagesPerSecond");
    keys.push("dataTime", "stepTime", "stages");
    assert.deepEqual(keys.filter((key) => !(key in lines[0])), []);
    const stages = ["load", "augment", "mask", "tokenize", "encode", "loss", "optimize"];
    assert.deepEqual(Object.keys(lines[1].stages).sort(), stages.sort());
    assert.ok(Math.abs(lines[0].loss - Number(lines[0].loss1) - Number(lines[0].loss2)) < 1e-5);
  });
});

Deno.test("k-NN accuracy is measured every so many epochs, and changes no loss", async () => {
  await withFolder(async (folder, backend) => {
    // 24 images in steps of 4: an epoch takes 6 of the 12 steps.
    const tokenizer = await writeTinyTokenizer(folder);
    const overrides = [`data.source=${writeTinyData(folder)}`, "data.evaluationSplit=val"];
    const plain = await losses(await tinyConfig(tokenizer, overrides), { backend });
    const measured: [number, number][] = [];
    const config = await tinyConfig(tokenizer, [...overrides, "evaluation.knn.every=0.5"]);
    const found = await losses(config, {
      backend,
      listener(event) {
        if (event.type !== "evaluation" || event.name !== "features") return;
        measured.push([event.step, event.result.knnTop1]);
      },
    });
    assert.deepEqual(measured.map(([step]) => step), [3, 6, 9, 12]);
    assert.ok(measured.every(([, top1]) => top1 > 0.5 && top1 <= 1), `${measured}`);
    assert.deepEqual(found, plain);
  });
});

Deno.test("RankMe is measured with labels and without, on the same images and at the same steps", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const data = writeTinyData(folder);
    Deno.mkdirSync(`${folder}/flat`);
    for (const label of ["bright", "dark"]) {
      for (const { name } of Deno.readDirSync(`${data}/train/${label}`)) {
        Deno.copyFileSync(`${data}/train/${label}/${name}`, `${folder}/flat/${label}${name}`);
      }
    }
    const rank = ["evaluation.knn.every=0.5", "evaluation.knn.atEnd=true"];
    const measure = async (overrides: string[], directory: string) => {
      const seen: [number, string, Record<string, number>][] = [];
      const config = await tinyConfig(tokenizer, [...overrides, ...rank]);
      const result = await pretrain(config, {
        backend,
        directory,
        listener(event) {
          if (event.type !== "evaluation") return;
          seen.push([event.step, event.name, { ...event.result }]);
        },
      });
      return { seen, result };
    };
    const unlabelled = await measure([`data.source=${folder}/flat`], `${folder}/a`);
    const values = unlabelled.seen.filter(([, name]) => name === "features");
    assert.deepEqual(values.map(([step]) => step), [3, 6, 9, 12, 12]);
    for (const [, , result] of values) {
      assert.deepEqual(Object.keys(result), ["rankMe"]);
      assert.ok(result.rankMe > 1 && result.rankMe < 16, `${result.rankMe}`);
    }
    assert.equal(unlabelled.result.rankMe, values[4][2].rankMe);
    const labelled = await measure(
      [`data.source=${data}`, "data.evaluationSplit=val"],
      `${folder}/b`,
    );
    const { features } = labelled.result.evaluation;
    assert.equal(labelled.result.rankMe, features.rankMe);
    assert.ok(features.knnTop1 > 0);
    const report = Deno.readTextFileSync(`${folder}/a/report.html`);
    assert.match(report, /Effective rank of the features \(RankMe\)/);
    assert.match(report, /<figcaption>RankMe|>RankMe</);
  });
});

Deno.test("a run stopped after step 7 goes on to bitwise the same losses", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), ["model.dropPathRate=0.2"]);
    const whole = await losses(config, { backend });
    const directory = `${folder}/run`;
    const stop = new AbortController();
    const first = await losses(config, {
      backend,
      directory,
      signal: stop.signal,
      listener: (event) => {
        if (event.type === "step" && event.metrics.step === 6) stop.abort();
      },
    });
    assert.ok(first.length >= 6 && first.length < 12, `${first.length}`);
    const rest = await losses(config, { backend, directory });
    assert.deepEqual([...first, ...rest], whole);
    assert.deepEqual(readMetrics(directory).map(({ loss }) => loss), whole);
  });
});

Deno.test("a codebook that drifts as mmselfsup's does changes the losses, and resumes exactly", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const frozen = await losses(await tinyConfig(tokenizer), { backend });
    const config = await tinyConfig(tokenizer, ["tokenizer.updatesDuringPretraining=true"]);
    const whole = await losses(config, { backend });
    assert.notDeepEqual(whole, frozen);
    const directory = `${folder}/run`;
    const start = { ...config, schedule: { ...config.schedule, maxSteps: 5 } };
    const first = await losses(start, { backend, directory });
    assert.deepEqual([...first, ...await losses(config, { backend, directory })], whole);
  });
});

Deno.test("what a killed process wrote after its last checkpoint is dropped and done again", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder));
    const whole = await losses(config, { backend });
    const directory = `${folder}/run`;
    await pretrain({ ...config, schedule: { ...config.schedule, maxSteps: 10 } }, {
      backend,
      directory,
    });
    // As a kill in the middle of step 12's line would leave it.
    const line = JSON.stringify({ step: 11, loss: 1 });
    const file = `${directory}/metrics.jsonl`;
    Deno.writeTextFileSync(file, `${line}\n{"step":12,"lo`, { append: true });
    await pretrain(config, { backend, directory });
    assert.deepEqual(readMetrics(directory).map(({ loss }) => loss), whole);
  });
});

Deno.test("micro-batches and workers change the numbers only by rounding", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const whole = await losses(await tinyConfig(tokenizer), { backend });
    const parts = await losses(await tinyConfig(tokenizer, ["microBatchSize=2"]), { backend });
    for (const [step, loss] of parts.entries()) {
      assert.ok(Math.abs(loss - whole[step]) < 1e-3 * whole[step], `step ${step}`);
    }
    const workers = await losses(await tinyConfig(tokenizer, ["data.workers=2"]), { backend });
    assert.deepEqual(workers, whole);
  });
});

Deno.test("the smaller last batch of an epoch is kept where dropLast is false", async () => {
  await withFolder(async (folder, backend) => {
    const images = `${folder}/images`;
    Deno.mkdirSync(images);
    for (let i = 0; i < 7; i++) {
      const pixels = Uint8Array.from({ length: 20 * 20 }, (_, at) => (at * (i + 3)) % 251);
      const header = new TextEncoder().encode("P5 20 20 255\n");
      Deno.writeFileSync(`${images}/${i}.pgm`, Uint8Array.of(...header, ...pixels));
    }
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      `data.source=${images}`,
      "data.dropLast=false",
      "microBatchSize=2",
      "schedule.steps=4",
    ]);
    const workers = await losses(config, { backend });
    assert.equal(workers.length, 4);
    const stages = { mask: mask(maskOptions(config), config.seed) };
    assert.deepEqual(await losses(config, { backend, stages }), workers);
  });
});

Deno.test("a stage of the user's takes the place of the one it is named after", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder));
    const whole = await losses(config, { backend });
    let calls = 0;
    const own = await losses(config, {
      backend,
      stages: {
        mask: {
          name: "mask",
          run(batch) {
            calls++;
            const mask = new Uint8Array(batch.size * 16).map((_, i) => (i % 16 < 6 ? 1 : 0));
            return { ...batch, mask };
          },
        },
      },
    });
    assert.ok(calls >= 12);
    assert.equal(own.length, 12);
    assert.notDeepEqual(own, whole);
  });
});

Deno.test("load, augment and mask one by one give what the data workers give", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), ["microBatchSize=2"]);
    const whole = await losses(config, { backend });
    // Any stage given by name takes the three out of the workers; this one is the same again.
    const stages = { mask: mask(maskOptions(config), config.seed) };
    assert.deepEqual(await losses(config, { backend, stages }), whole);
  });
});

Deno.test("data.onError=skip holds for a run with a stage of the user's before the queue", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const data = writeTinyData(folder);
    Deno.writeTextFileSync(`${data}/train/bright/3.pgm`, "no image");
    Deno.writeTextFileSync(`${data}/train/dark/7.pgm`, "no image");
    const overrides = [`data.source=${data}`, "data.evaluationSplit=val"];
    const config = await tinyConfig(tokenizer, [...overrides, "data.onError=skip"]);
    const stages = { mask: mask(maskOptions(config), config.seed) };
    const run = async (options: PretrainOptions) => {
      const skipped: string[] = [];
      const found = await losses(config, {
        ...{ backend, ...options },
        listener(event) {
          if (event.type === "warning" && event.file !== undefined) skipped.push(event.file.id);
        },
      });
      return { found, skipped: skipped.sort() };
    };
    const own = await run({ stages });
    assert.deepEqual(own.skipped, ["train/bright/3.pgm", "train/dark/7.pgm"]);
    assert.deepEqual(own, await run({}));
    const strict = await tinyConfig(tokenizer, overrides);
    await assert.rejects(losses(strict, { backend, stages }), /Cannot decode image .*onError=skip/);
  });
});

Deno.test("no tensor is left over after a run", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder));
    await pretrain(config, { backend });
    const before = backend.memory().tensors;
    await pretrain(config, { backend });
    assert.equal(backend.memory().tensors, before);
  });
});

Deno.test("mistakes are one-line errors that name the way out", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const fails = async (overrides: string[], message: RegExp, options: PretrainOptions = {}) => {
      const config = await tinyConfig(tokenizer, overrides);
      await assert.rejects(pretrain(config, { backend, ...options }), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    };
    await fails(["data.source=/nowhere/at/all"], /\/nowhere\/at\/all/);
    Deno.mkdirSync(`${folder}/empty`);
    await fails([`data.source=${folder}/empty`], /Cannot find images/);
    await fails([`tokenizer.checkpoint=${folder}/none.safetensors`], /none\.safetensors/);
    const other = await writeTinyTokenizer(folder, { codes: 16 });
    await fails([`tokenizer.checkpoint=${other}`], /has 16 codes, and model.codes is 32/);
    const larger = await writeTinyTokenizer(folder, { imageSize: 32 });
    await fails([`tokenizer.checkpoint=${larger}`], /augment\.tokenizerSize/);
    const { backend: plain } = await createBackend("cpu", { provider: "wasm" });
    await fails(["precision=amp"], /--precision auto/, { backend: plain });
    await plain.dispose();

    const directory = `${folder}/run`;
    await pretrain(await tinyConfig(tokenizer), { backend, directory });
    await fails([], /contains a finished run/, { directory });
    await fails(["optimizer.lr=1e-4"], /another config/, { directory, resume: "always" });
    await fails([], /no complete checkpoint/, { directory: `${folder}/new`, resume: "always" });
  });
});
