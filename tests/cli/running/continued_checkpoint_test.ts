import assert from "node:assert/strict";
import { convertCheckpoint } from "../../../checkpoints/convert.ts";
import { continuedChoice } from "../../../cli/running/continued_checkpoint.ts";
import { withRecipe } from "../../../cli/running/chosen_tokenizer.ts";
import type { RunFlagValues } from "../../../cli/running/run_flags.ts";
import { pretrain } from "../../../methods/beit/method.ts";
import { startPretraining } from "../../../methods/beit/start.ts";
import { resolveConfig } from "../../../methods/configs.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../tasks/_tiny.ts";
import { writeTinyModel } from "../../tasks/_tiny_model.ts";

/** The config that a checkpoint leads to. */
async function configFor(checkpoint: string) {
  const { overrides, tokenizer } = await continuedChoice(checkpoint, { offline: true });
  const { config } = await resolveConfig({ task: "pretrain", recipe: "continue", overrides });
  return { config, tokenizer };
}

Deno.test("published weights bring their sizes and the name of their tokenizer, undownloaded", async () => {
  const { config, tokenizer } = await configFor("beitv2_base_patch16_224_pt1k");
  assert.equal(tokenizer, "vqkd_encoder");
  const { embedDim, depth, codes, headLayers, earlyLayers, imageSize } = config.model;
  assert.deepEqual([embedDim, depth, codes, headLayers, earlyLayers, imageSize], [
    ...[768, 12, 8192, 2, 9, 224],
  ]);
  assert.deepEqual([config.mask.maskedPatches, config.optimizer.layerDecay], [75, 0.85]);
  const large = await configFor("beitv2_large_patch16_224_pt1k_ft1k");
  assert.equal(large.config.model.usesRelativePositionBias, true);
  assert.equal(large.config.model.earlyLayers, 21);
  assert.ok(large.config.optimizer.lr < config.optimizer.lr, "a wider model learns more slowly");
});

Deno.test("a file brings its sizes, a run of mimic its tokenizer and masks as well", async () => {
  await withFolder(async (folder, backend) => {
    const other = await configFor(await writeTinyModel(folder));
    assert.equal(other.tokenizer, undefined, "no published tokenizer has a grid of 4 × 4");
    assert.deepEqual([other.config.model.embedDim, other.config.model.heads], [16, 2]);

    const tokenizer = await writeTinyTokenizer(folder);
    const own = await tinyConfig(tokenizer, ["schedule.maxSteps=1"]);
    await pretrain(own, { backend, directory: `${folder}/run` });
    const { config } = await configFor(`${folder}/run`);
    assert.deepEqual(config.model, own.model);
    assert.deepEqual(config.mask, own.mask);
    assert.equal(config.tokenizer.checkpoint, tokenizer);
    assert.equal(config.augment.size, 16);
    assert.equal(config.newHeads, false);
    const step = await configFor(`${folder}/run/checkpoints/step-1`);
    assert.equal(step.config.tokenizer.checkpoint, tokenizer, "its checkpoint is of the run");

    const file = `${folder}/own.safetensors`;
    await convertCheckpoint(`${folder}/run`, file, { to: "safetensors", tokenizer: "vqkd_lite0" });
    const named = await configFor(file);
    assert.equal(named.config.tokenizer.checkpoint, "vqkd_lite0");
    assert.equal(named.tokenizer, "vqkd_lite0");

    const pixels = { ...own, tokenizer: { ...own.tokenizer, checkpoint: "pixels" } };
    await pretrain(pixels, { backend, directory: `${folder}/pixels` });
    const continued = await configFor(`${folder}/pixels`);
    assert.equal(continued.config.newHeads, true, "k-means of other pixels gives other codes");
  });
});

Deno.test("a checkpoint without a recipe gets the one for continuing", () => {
  const flags = { config: [], set: [] } as unknown as RunFlagValues;
  assert.deepEqual(withRecipe(flags).config, []);
  assert.deepEqual(withRecipe({ ...flags, checkpoint: "x" }).config, ["continue"]);
  assert.deepEqual(withRecipe({ ...flags, checkpoint: "x", config: ["mine"] }).config, ["mine"]);
  assert.deepEqual(withRecipe({ ...flags, checkpoint: "x", resume: "y" }).config, []);
});

Deno.test("other families of ViT are continued, or refused for what BEiT's losses need", async () => {
  const models = new URL("../../fixtures/models/", import.meta.url).pathname;
  for (const { name } of Deno.readDirSync(models)) {
    const path = `${models}${name}`;
    const { overrides } = await continuedChoice(path, { offline: true });
    const { config } = await resolveConfig({
      task: "pretrain",
      recipe: "continue",
      overrides: [...overrides, `pretrained=${path}`, "model.codes=16"],
    });
    const start = startPretraining(config);
    if (/siglip|registers/.test(name)) {
      await assert.rejects(start, /expected an encoder with a class token and no registers/, name);
      continue;
    }
    const { taken, fresh } = (await start).continuation!;
    const encoder = fresh.filter((name) => /^(patch_embed|blocks|cls_token|pos_embed)/.test(name));
    assert.deepEqual(encoder, [], name);
    assert.ok(taken.length >= 28 && fresh.includes("lm_head.weight"), name);
  }
});
