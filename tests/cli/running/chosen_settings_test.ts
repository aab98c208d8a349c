import assert from "node:assert/strict";
import { chooseFor, describeChoice } from "../../../cli/running/chosen_settings.ts";
import { choosePretraining } from "../../../cli/running/chosen_tokenizer.ts";
import { configOf } from "../../../cli/parsing/config_flags.ts";
import type { RunFlagValues } from "../../../cli/running/run_flags.ts";
import type { Task } from "../../../methods/mod.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { withFolder, writeTree } from "../../data/_trees.ts";

const noFlags: RunFlagValues & { trainTokenizer: boolean } = {
  config: [],
  set: [],
  out: undefined,
  name: undefined,
  resume: undefined,
  dryRun: false,
  offline: true,
  hook: [],
  log: [],
  launcher: undefined,
  mpiLibrary: undefined,
  profile: false,
  quiet: true,
  json: false,
  trainTokenizer: false,
  backend: "cpu",
  threads: 2,
};

/** A class folder of grey images; gives its path. */
async function writeImages(root: string, side: number, count = 10): Promise<string> {
  const file = `P5 ${side} ${side} 255\n${"x".repeat(side * side)}`;
  const tree: Record<string, string> = {};
  for (let number = 0; number < count; number++) tree[`data/c${number % 2}/${number}.pgm`] = file;
  await writeTree(root, tree);
  return `${root}/data`;
}

async function choose(task: Task, flags: Partial<typeof noFlags>) {
  const events: RunEvent[] = [];
  const all = { ...noFlags, ...flags };
  const { overrides, settings } = await chooseFor(task, all, (event) => void events.push(event));
  const { config } = await configOf(task, all, undefined, overrides);
  const notes = events.flatMap((event) => event.type === "note" ? [event.message] : []);
  return { config: config as Extract<typeof config, { model: unknown }>, settings, notes };
}

Deno.test("--data alone chooses sizes, length and a held-out part; --set and flags win", () =>
  withFolder(async (root) => {
    const data = await writeImages(root, 80);
    const { config, settings } = await choose("pretrain", { data });
    assert.equal(config.task, "pretrain");
    assert.deepEqual([config.model.imageSize, config.model.patchSize], [64, 8]);
    const { holdOut, onError, exif } = config.data;
    assert.deepEqual([holdOut, onError, exif], [0.1, "skip", true]);
    // Eight are left to train on, so that a step has as many.
    assert.equal(config.batchSize, 8);
    assert.equal(config.task === "pretrain" && config.schedule.steps, 5600);
    assert.equal(
      describeChoice(settings!, 1500),
      "64 px in patches of 8, ViT-mini (4 blocks of 128), about 25 minutes; --image-size, " +
        "--patch-size, --model, --epochs to change",
    );
    const own = await choose("pretrain", {
      data,
      set: ["model.imageSize=48", "data.holdOut=0.2"],
      epochs: "3",
      lr: 0.001,
    });
    assert.deepEqual([own.config.model.imageSize, own.config.model.patchSize], [48, 6]);
    assert.equal(own.config.data.holdOut, 0.2);
    assert.ok(own.config.task === "pretrain");
    assert.deepEqual([own.config.schedule.epochs, own.config.schedule.steps], [3, null]);
    assert.equal(own.config.optimizer.lr, 1e-3);
  }));

Deno.test("a recipe, the sample and a run to go on with leave nothing to choose", () =>
  withFolder(async (root) => {
    const data = await writeImages(root, 80);
    assert.equal((await choose("pretrain", {})).settings, null);
    assert.equal((await choose("pretrain", { data: "sample" })).settings, null);
    const { settings, config } = await choose("pretrain", { data, config: ["quickstart"] });
    assert.equal(settings, null);
    assert.deepEqual([config.model.imageSize, config.data.holdOut], [32, 0.1]);
    assert.equal((await choose("linearProbe", { data, checkpoint: "x.pth" })).settings, null);
  }));

Deno.test("sizes alone bring along what hangs together, and choose nothing else", async () => {
  const { config } = await choose("pretrain", { imageSize: 96 });
  assert.ok(config.task === "pretrain");
  assert.deepEqual([config.model.patchSize, config.augment.size, config.schedule.steps], [
    12,
    96,
    1200,
  ]);
  assert.equal(config.data.onError, "raise");
  const tiny = await choose("finetune", { model: "tiny" });
  assert.deepEqual([tiny.config.model.embedDim, tiny.config.model.depth], [192, 12]);
});

Deno.test("the bundled tokenizer is taken where its grid fits, else one is trained first", () =>
  withFolder(async (root) => {
    const data = await writeImages(root, 80);
    const fits = await choosePretraining({ ...noFlags, data }, () => {});
    assert.equal(fits.trainsTokenizer, false);
    const { config } = await configOf("pretrain", noFlags, undefined, fits.overrides);
    assert.deepEqual([config.augment.size, config.augment.tokenizerSize], [64, 32]);
    assert.ok(config.task === "pretrain");
    assert.equal(config.tokenizer.checkpoint, "vqkd_quickstart");
    const other = await choosePretraining({ ...noFlags, data, patchSize: 16 }, () => {});
    assert.equal(other.trainsTokenizer, true);
    const resumed = await choosePretraining({ ...noFlags, resume: "runs/x" }, () => {});
    assert.deepEqual([resumed.overrides, resumed.trainsTokenizer], [[], false]);
  }));

Deno.test("unreadable images are counted and named at the start, by reason", () =>
  withFolder(async (root) => {
    const data = await writeImages(root, 20);
    await writeTree(data, {
      "c0/a.jpg": "",
      "c1/b.png": "hello",
      "c1/huge.ppm": "P6 40000 30000 255\n",
    });
    const { notes } = await choose("pretrain", { data, set: ["data.holdOut=null"] });
    assert.deepEqual(notes, [
      'Skipped: 3 of 13 images are unreadable: "c0/a.jpg" (empty), "c1/b.png" (not an image, ' +
      'or corrupt), "c1/huge.ppm" (too large: 40000 × 30000 pixels)',
    ]);
  }));

Deno.test("one image, or none that can be read, is an error that names the folder", () =>
  withFolder(async (root) => {
    await writeTree(root, { "one/cat.pgm": "P5 2 2 255\nABCD", "bad/a.jpg": "", "bad/b.jpg": "x" });
    await assert.rejects(
      choose("pretrain", { data: `${root}/one` }),
      /Cannot train on ".*\/one": it holds one image to train on, "cat.pgm"/,
    );
    await assert.rejects(
      choose("pretrain", { data: `${root}/bad` }),
      /Cannot train on ".*\/bad": it holds no readable image, of 2/,
    );
  }));

Deno.test("a downstream task takes the image size of the run it starts from, and no other model", () =>
  withFolder(async (root) => {
    const run = `${root}/run`;
    await writeTree(run, {
      "config.json": JSON.stringify({ config: { task: "pretrain", model: { imageSize: 64 } } }),
    });
    assert.equal((await choose("finetune", { checkpoint: run })).config.augment.size, 64);
    const probe = await choose("linearProbe", { checkpoint: run });
    assert.equal(probe.config.augment.size, 64);
    const own = await choose("finetune", { checkpoint: run, imageSize: 48 });
    assert.equal(own.config.model.imageSize, 48);
    await assert.rejects(
      choose("finetune", { checkpoint: run, model: "tiny" }),
      /Cannot use --model with --checkpoint: the model is the checkpoint's/,
    );
  }));
