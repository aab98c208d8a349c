import assert from "node:assert/strict";
import { readRecords } from "../../../../checkpoints/store/event_file.ts";
import { openSource } from "../../../../data/sources/open_source.ts";
import type { Source } from "../../../../data/sources/source.ts";
import { pretrain } from "../../../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../../tasks/_tiny.ts";

const decoder = new TextDecoder();

/** Event files of a run, all of whose bytes are whole records. */
function eventFiles(run: string): string[] {
  return [...Deno.readDirSync(run)].map(({ name }) => name)
    .filter((name) => name.includes("tfevents")).sort();
}

function recordsOf(path: string): string[] {
  const bytes = Deno.readFileSync(path);
  const records = [...readRecords(bytes)];
  assert.equal(records.at(-1)?.end, bytes.length, `${path} holds nothing but whole records`);
  return records.map(({ content }) => decoder.decode(content));
}

function lines(path: string): Record<string, unknown>[] {
  return Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("a run leaves its report, its logs and TensorBoard's events", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder));
    const run = `${folder}/run`;
    const origins = new Map([["batchSize", "--batch"]]);
    await pretrain(config, { backend, directory: run, origins });

    const page = Deno.readTextFileSync(`${run}/report.html`);
    for (
      const part of [
        ">finished<",
        "12 / 12",
        "Loss",
        "Accuracy",
        "Learning rate",
        "Gradient norm",
        "Time per step",
        "masked patches correct",
        "target codes",
        "<td>batchSize</td><td>4</td><td>--batch</td>",
        "5\u202f600 files",
        "10 classes",
        "none rejected",
        "Classes (10)",
        backend.capabilities.description.split(",")[0],
        navigator.userAgent,
      ]
    ) assert.ok(page.includes(part), `the report has ${part}`);
    assert.ok(!/<script|https?:\/\/(?!www\.w3\.org)/.test(page), "it is self-contained");
    assert.ok(!page.includes('http-equiv="refresh"'), "a finished report stays as it is");
    assert.ok(page.length < 400_000, `${page.length} characters`);

    const events = lines(`${run}/events.jsonl`);
    const types = events.map(({ type }) => type);
    assert.equal(types.filter((type) => type === "start").length, 1);
    assert.deepEqual(
      events.filter(({ type }) => type === "checkpoint").map(({ step }) => step),
      [5, 10, 12],
    );
    assert.ok(types.includes("done") && events.every(({ time }) => Number(time) > 1.6e9));

    const [file, ...others] = eventFiles(run);
    assert.equal(others.length, 0);
    const records = recordsOf(`${run}/${file}`);
    assert.equal(records.filter((text) => text.includes("train/loss1")).length, 12);
    assert.equal(records.filter((text) => text.includes("weights/lm_head.weight")).length, 3);
    assert.equal(
      records.filter((text) => text.includes("\x89PNG") || text.includes("PNG\r\n")).length,
      3,
    );
    for (const tag of ["_hparams_/session_start_info", "_hparams_/session_end_info"]) {
      assert.equal(records.filter((text) => text.includes(tag)).length, 1, tag);
    }
  });
});

Deno.test("recording changes no number of the run, a drifting codebook's neither", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const losses = async (overrides: string[], directory: string | null) => {
      const config = await tinyConfig(tokenizer, [
        "tokenizer.updatesDuringPretraining=true",
        "schedule.steps=8",
        "checkpoint.everySteps=2",
        ...overrides,
      ]);
      const found: number[] = [];
      await pretrain(config, {
        backend,
        directory,
        listener: (event) => event.type === "step" && found.push(event.metrics.loss),
      });
      return found;
    };
    assert.deepEqual(await losses([], `${folder}/run`), await losses([], null));
  });
});

Deno.test("a report that cannot be written is a warning, once, and the run goes on", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder));
    const run = `${folder}/run`;
    // A folder stands where the page is to be written aside.
    await Deno.mkdir(`${run}/report.html.tmp`, { recursive: true });
    const warnings: string[] = [];
    const { step } = await pretrain(config, {
      backend,
      directory: run,
      listener: (event) => event.type === "warning" && warnings.push(event.message),
    });
    assert.equal(step, 12);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(
      warnings[0],
      /^Cannot record the report; the run continues without it: .*report\.html/,
    );
  });
});

Deno.test("the end of each pass over the data is an event, once", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder));
    const sample = new URL("../../../../assets/fashion-mnist.tar.gz", import.meta.url);
    const all = await openSource(sample, { split: "train" });
    // Three batches of four, as the last one of the pass is dropped.
    const source: Source = {
      length: 14,
      classes: all.classes,
      entry: (index) => all.entry(index),
      read: (index) => all.read(index),
    };
    const epochs: number[][] = [];
    await pretrain(config, {
      backend,
      source,
      hooks: [(event) => {
        if (event.type === "epoch") epochs.push([event.epoch, event.step]);
      }],
    });
    assert.deepEqual(epochs, [[1, 3], [2, 6], [3, 9], [4, 12]]);
  });
});

Deno.test("the report names the files that were rejected, with the reason, after a resume too", async () => {
  await withFolder(async (folder, backend) => {
    const pictures = `${folder}/pictures`;
    await Deno.mkdir(pictures);
    const header = new TextEncoder().encode("P5 16 16 255\n");
    for (let index = 0; index < 12; index++) {
      const file = new Uint8Array(header.length + 256).fill(20 * index);
      file.set(header);
      await Deno.writeFile(`${pictures}/${index}.pgm`, file);
    }
    await Deno.writeTextFile(`${pictures}/broken<1>.png`, "no picture");
    const run = `${folder}/run`;
    const tokenizer = await writeTinyTokenizer(folder);
    const train = async (maxSteps: number) => {
      const config = await tinyConfig(tokenizer, [
        `data.source=${pictures}`,
        "data.onError=skip",
        `schedule.maxSteps=${maxSteps}`,
      ]);
      await pretrain(config, { backend, directory: run });
      return Deno.readTextFileSync(`${run}/report.html`);
    };
    for (const page of [await train(6), await train(9)]) {
      assert.match(page, /13 files in <code>[^<]*pictures<\/code>, without classes, 1 rejected/);
      assert.match(page, /<td>broken&lt;1&gt;\.png<\/td><td>[^<]*cannot/i);
    }
  });
});
