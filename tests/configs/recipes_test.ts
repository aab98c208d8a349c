import assert from "node:assert/strict";
import { loadRecipe, recipeNames } from "../../configs/recipes.ts";
import { resolveConfig } from "../../configs/resolve.ts";

const folder = new URL("../../configs/recipes/", import.meta.url);

Deno.test("recipeNames lists exactly the files of configs/recipes", () => {
  const files = [...Deno.readDirSync(folder)].map((entry) => entry.name.replace(/\.jsonc$/, ""));
  assert.deepEqual(files.sort(), [...recipeNames].sort());
});

for (const name of recipeNames) {
  Deno.test(`recipe ${name} resolves and says paper, hardware, result and command`, async () => {
    const { header } = await loadRecipe(name);
    for (const word of ["Paper", "Hardware", "Result", "Command"]) {
      assert.match(header, new RegExp(`^${word} {2,}\\S`, "m"));
    }
    const command = header.match(/^Command +deno task (\S+)/m)?.[1];
    const resolved = await resolveConfig({ recipe: name });
    assert.equal(resolved.name, name);
    const commands = {
      pretrain: "pretrain",
      tokenizer: "tokenizer",
      finetune: "finetune",
      linearProbe: "linear-probe",
      segment: "segment",
    };
    assert.equal(command, commands[resolved.config.task]);
    const text = Deno.readTextFileSync(new URL(`${name}.jsonc`, folder));
    assert.match(text, /"\$schema": "\.\.\/schema\.json"/);
  });
}

Deno.test("recipes keep one order of sections", () => {
  const order = [
    "$schema",
    "extends",
    "task",
    "variant",
    "data",
    "augment",
    "mask",
    "model",
    "tokenizer",
    "decoder",
    "codebook",
    "teacher",
    "probe",
    "segmentation",
    "batchSize",
    "precision",
    "optimizer",
    "schedule",
    "checkpoint",
    "evaluation",
    "evaluateEverySteps",
  ];
  for (const name of recipeNames) {
    const text = Deno.readTextFileSync(new URL(`${name}.jsonc`, folder));
    const keys = [...text.matchAll(/^ {2}"([^"]+)":/gm)].map((match) => match[1]);
    const sorted = [...keys].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    assert.ok(keys.every((key) => order.includes(key)), `${name}: a key outside the order`);
    assert.deepEqual(keys, sorted, name);
  }
});

Deno.test("the ViT-B recipe has the numbers of the paper", async () => {
  const { config } = await resolveConfig({
    task: "pretrain",
    recipe: "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k",
  });
  assert.equal(config.batchSize, 8 * 256);
  assert.equal(config.mask.maskedPatches, 75);
  assert.equal(config.mask.maxBlock, 75);
  assert.deepEqual(config.optimizer.betas, [0.9, 0.98]);
  assert.equal(config.model.earlyLayers, 9);
  assert.equal(config.tokenizer.updatesDuringPretraining, false);
  assert.equal(config.augment.interpolation, "pil-bicubic");
});

Deno.test("the 1600-epoch and the large recipe change what they say and keep the rest", async () => {
  const base = await resolveConfig({ recipe: recipeNames[1], task: "pretrain" });
  const long = await resolveConfig({ recipe: recipeNames[2], task: "pretrain" });
  const large = await resolveConfig({ recipe: recipeNames[3], task: "pretrain" });
  assert.deepEqual(long.config, {
    ...base.config,
    model: { ...base.config.model, dropPathRate: 0.1 },
    optimizer: { ...base.config.optimizer, betas: [0.9, 0.999] },
    schedule: { ...base.config.schedule, epochs: 1600 },
  });
  assert.equal(large.config.model.earlyLayers, 21);
  assert.equal(large.config.model.layerScaleInitValue, 1e-5);
  assert.deepEqual(large.config.optimizer, base.config.optimizer);
});
