import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openClassifier, RawImage } from "../../deps/transformers_test.ts";
import { UserError } from "../../core/errors.ts";
import { exportFolder } from "../../tasks/export_folder.ts";
import { predict } from "../../tasks/predict.ts";
import { createBackend } from "../../backends/mod.ts";
import { classNamesOfRun, hubPreprocessing } from "../../pipeline/images/preparation.ts";
import { writeTinyTokenizer } from "./_tiny.ts";

const stored = fileURLToPath(new URL("../fixtures/compat/0.1.0/runs/finetune", import.meta.url));
const photo = fileURLToPath(new URL("../fixtures/images/coffee.png", import.meta.url));

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const copy = isDirectory ? copyFolder : Deno.copyFileSync;
    copy(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("an exported folder gives predict's top 5 in transformers.js, in every number format", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mimic-hub-" });
  const { backend } = await createBackend("reference");
  try {
    const run = `${folder}/run`;
    copyFolder(stored, run);
    const evaluation = { classifier: { top1: 0.5 } };
    const result = { step: 16, scheduleSteps: 16, interrupted: false, evaluation };
    Deno.writeTextFileSync(`${run}/result.json`, JSON.stringify(result));
    const preprocessing = hubPreprocessing(run);
    const classNames = classNamesOfRun(run)!;
    const { variants } = await exportFolder(run, `${folder}/hub`, {
      classNames,
      ...(preprocessing === undefined ? {} : { preprocessing }),
    });
    assert.deepEqual(variants.map(({ dtype }) => dtype), ["fp32", "fp16", "q8"]);
    const [whole, half, quarter] = variants.map(({ bytes }) => bytes);
    assert.ok(quarter < whole && half < whole, `${whole} ${half} ${quarter}`);

    const [{ guesses }] = await predict({ checkpoint: run, backend, images: [photo], top: 5 });
    const wanted = guesses.map(({ name }) => name);
    for (const { dtype } of variants) {
      const classify = await openClassifier(folder, "hub", dtype);
      const image = await RawImage.fromBlob(new Blob([await Deno.readFile(photo)]));
      const found = await classify(image, { top_k: 5 }) as { label: string; score: number }[];
      assert.deepEqual(found.map(({ label }) => label), wanted, dtype);
      // Their resizing rounds differently, by far less than classes differ.
      const worst = Math.max(
        ...found.map(({ score }, i) => Math.abs(score - guesses[i].probability)),
      );
      assert.ok(worst < (dtype === "q8" ? 0.02 : 0.01), `${dtype}: ${worst}`);
      await classify.dispose();
    }

    const card = await Deno.readTextFile(`${folder}/hub/README.md`);
    assert.match(
      card,
      /^---\nlibrary_name: transformers\.js\npipeline_tag: image-classification\n/,
    );
    for (const name of classNames) assert.ok(card.includes(name), name);
    assert.match(card, /\| steps \| 16 \|/);
    assert.match(card, /top-1 accuracy, this model \| 50\.0 %/);
  } finally {
    await backend.dispose();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a tokenizer, for which Hugging Face has no class, is refused", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const tokenizer = await writeTinyTokenizer(folder);
    await assert.rejects(
      exportFolder(tokenizer, `${folder}/hub`),
      (error: unknown) => error instanceof UserError && /tokenizer/.test(error.message),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
