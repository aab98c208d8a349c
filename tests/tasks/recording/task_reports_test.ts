import assert from "node:assert/strict";
import { resolveConfig } from "../../../configs/resolve.ts";
import { linearProbe } from "../../../methods/probe/linear_probe.ts";
import { trainTokenizer } from "../../../methods/vqkd/tokenizer.ts";
import { withFolder } from "../_tiny.ts";
import { runFinetune, tinyFinetune } from "../_tiny_finetune.ts";
import { writeTinyData, writeTinyModel } from "../_tiny_model.ts";
import { tinyTokenizerConfig } from "../_tiny_tokenizer.ts";

/** The page of a run, of which TensorBoard has pictures too. */
function reportOf(run: string): string {
  const [events] = [...Deno.readDirSync(run)].filter(({ name }) => name.includes("tfevents"));
  const text = new TextDecoder("latin1").decode(Deno.readFileSync(`${run}/${events.name}`));
  assert.ok(text.includes("PNG\r\n") && text.includes("weights/"), "TensorBoard has pictures");
  const page = Deno.readTextFileSync(`${run}/report.html`);
  assert.match(page, />finished</);
  return page;
}

Deno.test("a tokenizer's report has its codebook and the codes of pictures", async () => {
  await withFolder(async (folder, backend) => {
    await trainTokenizer(await tinyTokenizerConfig(), { backend, directory: `${folder}/run` });
    const page = reportOf(`${folder}/run`);
    for (
      const part of [
        "Codebook usage",
        "Codebook perplexity",
        "Dead codes",
        "Teacher cosine similarity",
        "Longest idle code",
        "different codes",
      ]
    ) assert.ok(page.includes(part), part);
  });
});

Deno.test("a fine-tuning's report has accuracies and what is said of pictures", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyFinetune(writeTinyData(folder));
    await runFinetune(config, { backend, directory: `${folder}/run` });
    const page = reportOf(`${folder}/run`);
    for (
      const part of [
        "Top-1 accuracy",
        "this model",
        "chance",
        "50.0 %",
        "Framed in green",
        "2 classes",
      ]
    ) {
      assert.ok(page.includes(part), part);
    }
  });
});

Deno.test("a linear probe's report has every classifier", async () => {
  await withFolder(async (folder, backend) => {
    const { config } = await resolveConfig({
      task: "linearProbe",
      overrides: [
        `pretrained=${await writeTinyModel(folder)}`,
        `data.source=${writeTinyData(folder)}`,
        "data.workers=0",
        "data.cacheBytes=0",
        "augment.size=16",
        "batchSize=6",
        "probe.epochs=1",
        "backend.name=cpu",
      ],
    });
    await linearProbe(config, { backend, directory: `${folder}/run` });
    const page = reportOf(`${folder}/run`);
    assert.ok(page.includes("All evaluations (") && page.includes("Framed in green"));
    assert.ok(page.includes("Learning rate"));
    assert.match(page, /class="model"><span>layer \d, /, "the best classifier stands first");
  });
});
