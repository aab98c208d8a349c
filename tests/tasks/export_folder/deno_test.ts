import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openClassifier, RawImage } from "../../../deps/transformers_test.ts";
import { UserError } from "../../../core/errors.ts";
import { exportFolder } from "../../../tasks/export_folder.ts";
import { withFolder, writeTinyTokenizer } from "../_tiny.ts";
import { assertSame, type Found, withExported } from "./_exported.ts";

const unfinished = fileURLToPath(
  new URL("../../fixtures/compat/0.1.0/runs/finetune-stopped", import.meta.url),
);

Deno.test("an exported folder gives predict's top 5 in transformers.js, in every number format", async () => {
  await withExported(async ({ parent, variants, guesses }) => {
    assert.deepEqual(variants.map(({ dtype }) => dtype), ["fp32", "fp16", "q8"]);
    const [whole, half, quarter] = variants.map(({ bytes }) => bytes);
    assert.ok(quarter < whole && half < whole, `${whole} ${half} ${quarter}`);

    for (const { dtype } of variants) {
      const classify = await openClassifier(parent, "hub", dtype);
      const image = await RawImage.fromBlob(new Blob([await Deno.readFile(`${parent}/photo.png`)]));
      assertSame(await classify(image, { top_k: 5 }) as Found[], guesses, dtype);
      await classify.dispose();
    }
  });
});

Deno.test("the model card says where a classifier is from and how each number format does", async () => {
  await withExported(async ({ parent, top1, classNames, variants, tested }) => {
    assert.deepEqual(tested, { name: "sample/test", images: 1100 });
    const [whole, half, quarter] = variants.map(({ accuracy }) => accuracy!);
    // An image may lie on the border of two classes.
    assert.ok(Math.abs(whole.top1 - top1) < 3 / 1100, `${whole.top1} ${top1}`);
    assert.ok(Math.abs(half.top1 - whole.top1) < 0.01 && half.agreement > 0.98);
    assert.ok(Math.abs(quarter.top1 - whole.top1) < 0.05 && quarter.agreement > 0.9);
    assert.ok(half.agreement < 1 || quarter.agreement < 1, "number formats differ");

    const card = await Deno.readTextFile(`${parent}/hub/README.md`);
    const header = /^---\nlibrary_name: transformers\.js\npipeline_tag: image-classification\n/;
    assert.match(card, header);
    for (const name of classNames) assert.ok(card.includes(name), name);
    const percent = (share: number, digits: number) => `${(100 * share).toFixed(digits)} %`;
    for (
      const row of [
        "trained on | 5 600 images of Fashion-MNIST (MIT licence)",
        "steps | 60",
        `top-1 accuracy | ${percent(top1, 1)}`,
        `\`fp32\` | ${percent(whole.top1, 2)} | ${percent(whole.top5, 2)} | 100.00 %`,
        `\`q8\` | ${percent(quarter.top1, 2)} | ${percent(quarter.top5, 2)} | `,
      ]
    ) assert.ok(card.includes(`| ${row}`), `${row}\n${card}`);
  }, { evaluation: { data: { workers: 0 } } });
});

Deno.test("the card of an unfinished run has no figures", async () => {
  await withFolder(async (folder) => {
    await exportFolder(unfinished, `${folder}/hub`);
    const card = await Deno.readTextFile(`${folder}/hub/README.md`);
    assert.match(card, /\| recipe \| `finetune_quickstart\.jsonc` \|/);
    assert.match(card, /\| steps \| unknown: no figures of a finished run \|/);
    assert.doesNotMatch(card, /Figures|accuracy/);
  });
});

Deno.test("a tokenizer, for which Hugging Face has no class, is refused", async () => {
  await withFolder(async (folder) => {
    const tokenizer = await writeTinyTokenizer(folder);
    await assert.rejects(
      exportFolder(tokenizer, `${folder}/hub`),
      (error: unknown) => error instanceof UserError && /tokenizer/.test(error.message),
    );
  });
});
