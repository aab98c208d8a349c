import assert from "node:assert/strict";
import { openClassifier, RawImage } from "../../../deps/transformers_test.ts";
import { UserError } from "../../../core/errors.ts";
import { exportFolder } from "../../../tasks/export_folder.ts";
import { withFolder, writeTinyTokenizer } from "../_tiny.ts";
import { assertSame, type Found, withExported } from "./_exported.ts";

Deno.test("an exported folder gives predict's top 5 in transformers.js, in every number format", async () => {
  await withExported(async ({ parent, top1, classNames, variants, guesses }) => {
    assert.deepEqual(variants.map(({ dtype }) => dtype), ["fp32", "fp16", "q8"]);
    const [whole, half, quarter] = variants.map(({ bytes }) => bytes);
    assert.ok(quarter < whole && half < whole, `${whole} ${half} ${quarter}`);

    for (const { dtype } of variants) {
      const classify = await openClassifier(parent, "hub", dtype);
      const image = await RawImage.fromBlob(new Blob([await Deno.readFile(`${parent}/photo.png`)]));
      assertSame(await classify(image, { top_k: 5 }) as Found[], guesses, dtype);
      await classify.dispose();
    }

    const card = await Deno.readTextFile(`${parent}/hub/README.md`);
    assert.match(
      card,
      /^---\nlibrary_name: transformers\.js\npipeline_tag: image-classification\n/,
    );
    for (const name of classNames) assert.ok(card.includes(name), name);
    assert.match(card, /\| steps \| 60 \|/);
    assert.ok(card.includes(`top-1 accuracy | ${(100 * top1).toFixed(1)} %`), card);
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
