import assert from "node:assert/strict";
import { loadRecipe, recipeNames } from "../../configs/recipes.ts";
import { commandOf } from "../../configs/task.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { recipeFiles } from "../../tools/write_schema.ts";

const folder = new URL("../../configs/recipes/", import.meta.url);

Deno.test("recipeNames lists exactly the files of configs/recipes (deno task schema writes it)", () => {
  assert.deepEqual(recipeNames, recipeFiles(folder));
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert.deepEqual(recipeNames.map((name) => `${name}.jsonc`).sort(), files.sort());
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
    assert.equal(command, commandOf(resolved.config.task));
    const text = Deno.readTextFileSync(new URL(`${name}.jsonc`, folder));
    assert.match(text, /"\$schema": "\.\.\/schema\.json"/);
  });
}

Deno.test("recipes keep one order of sections", () => {
  const order = [
    "$schema",
    "extends",
    "task",
    "method",
    "kMeans",
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
    "evaluateEveryEpochs",
  ];
  for (const name of recipeNames) {
    const text = Deno.readTextFileSync(new URL(`${name}.jsonc`, folder));
    const keys = [...text.matchAll(/^ {2}"([^"]+)":/gm)].map((match) => match[1]);
    const sorted = [...keys].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    assert.ok(keys.every((key) => order.includes(key)), `${name}: a key outside the order`);
    assert.deepEqual(keys, sorted, name);
  }
});
