import assert from "node:assert/strict";
import { chooseSettings, type MachineFacts } from "../../configs/choose_settings.ts";
import { modelSizes, modelSizeValues } from "../../configs/model_sizes.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { tasks } from "../../methods/mod.ts";

const photos = { count: 2140, shortEdge: 1080 };
const machine = (cores: number, others: Partial<MachineFacts> = {}): MachineFacts => ({
  cores,
  memoryBytes: 16e9,
  hasGpu: false,
  ...others,
});

Deno.test("photographs are never shrunk to 32 px, and small images never enlarged by much", () => {
  for (const cores of [1, 2, 4, 8, 64]) {
    assert.ok(chooseSettings(photos, machine(cores)).imageSize >= 64, `${cores} cores`);
    assert.equal(chooseSettings({ count: 25_000, shortEdge: 32 }, machine(cores)).imageSize, 32);
    assert.equal(chooseSettings({ count: 900, shortEdge: 50 }, machine(cores)).imageSize, 64);
    assert.equal(chooseSettings({ count: 900, shortEdge: 47 }, machine(cores)).imageSize, 32);
  }
});

Deno.test("the model grows with the machine, and memory bounds it", () => {
  const modelOf = (facts: MachineFacts) => chooseSettings(photos, facts).model;
  assert.deepEqual([1, 2, 4, 8, 16].map((cores) => modelOf(machine(cores))), [
    "mini",
    "mini",
    "tiny",
    "tiny",
    "small",
  ]);
  assert.equal(modelOf(machine(2, { hasGpu: true })), "small");
  assert.equal(modelOf(machine(16, { memoryBytes: 1e9 })), "tiny");
  assert.equal(modelOf(machine(16, { memoryBytes: null })), "small");
});

Deno.test("a run sees as many images as were measured to do, more where there are more and time", () => {
  const passesOf = (count: number, cores: number) =>
    chooseSettings({ count, shortEdge: 500 }, machine(cores), { model: "mini" }).passes;
  assert.equal(passesOf(100, 2), 44_800);
  assert.equal(passesOf(60_000, 2), 120_000);
  // Half an hour of two cores, and no more.
  assert.equal(passesOf(1e6, 2), passesOf(1e7, 2));
  assert.ok(passesOf(1e6, 2) < 300_000);
  assert.ok(passesOf(1e6, 8) > passesOf(1e6, 2));
});

Deno.test("what is given stays, and the rest is chosen around it", () => {
  const chosen = (given: Parameters<typeof chooseSettings>[2]) =>
    chooseSettings(photos, machine(4), given);
  assert.equal(chosen({ imageSize: 96 }).patchSize, 12);
  assert.equal(chosen({ imageSize: 224 }).patchSize, 16);
  assert.equal(chosen({ imageSize: 100 }).patchSize, 10);
  assert.deepEqual(chosen({ model: "base" }).model, "base");
  assert.equal(chosen({ imageSize: 64, patchSize: 4 }).patchSize, 4);
  // 256 patches are too many for the larger model in half an hour.
  assert.equal(chosen({ imageSize: 64, patchSize: 4 }).model, "mini");
});

Deno.test("wider models take smaller steps", () => {
  const lr = (model: keyof typeof modelSizes) => chooseSettings(photos, machine(4), { model }).lr;
  assert.equal(lr("mini"), 3e-3);
  assert.equal(lr("base"), 5e-4);
});

Deno.test("every size is a config that every task takes", async () => {
  for (const task of ["pretrain", "tokenizer", "finetune", "segment"] as const) {
    for (const name of Object.keys(modelSizes) as (keyof typeof modelSizes)[]) {
      const overrides = Object.entries(modelSizeValues(tasks[task].schema, name))
        .map(([key, value]) => ({ key, value, origin: "--model" }));
      const { config } = await resolveConfig({ task, overrides });
      assert.equal(config.model.depth, modelSizes[name].depth);
      if (config.task === "segment") {
        assert.equal(config.segmentation.outBlocks.at(-1), config.model.depth - 1);
      }
      if (config.task === "pretrain" && name === "base") assert.equal(config.model.earlyLayers, 9);
      if (config.task === "pretrain" && name === "large") {
        assert.equal(config.model.earlyLayers, 21);
      }
    }
  }
});
