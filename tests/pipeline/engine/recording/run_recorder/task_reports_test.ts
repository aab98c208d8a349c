import assert from "node:assert/strict";
import { resolveConfig } from "../../../../../methods/configs.ts";
import { linearProbe } from "../../../../../methods/probe/method.ts";
import { trainTokenizer } from "../../../../../methods/vqkd/method.ts";
import { formatPercent } from "../../../../../core/number_formats.ts";
import { withFolder } from "../../../../tasks/_tiny.ts";
import { runSegment, tinySegment } from "../../../../tasks/_tiny_segment.ts";
import { runFinetune, tinyFinetune } from "../../../../tasks/_tiny_finetune.ts";
import { writeTinyData, writeTinyModel } from "../../../../tasks/_tiny_model.ts";
import { tinyTokenizerConfig } from "../../../../tasks/_tiny_tokenizer.ts";

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

Deno.test("a fine-tuning's report has its confusion matrix with labels, after a resume too", async () => {
  await withFolder(async (folder, backend) => {
    const run = `${folder}/run`;
    const train = async (maxSteps: number) => {
      const config = await tinyFinetune(writeTinyData(folder), [`schedule.maxSteps=${maxSteps}`]);
      await runFinetune(config, { backend, directory: run });
      return Deno.readTextFileSync(`${run}/report.html`);
    };
    for (const page of [await train(6), await train(12)]) {
      assert.match(page, /<th scope="row">bright<\/th>/);
      assert.match(page, /<th scope="col"><span>dark<\/span><\/th>/);
      assert.match(page, /title="bright mistaken for bright: \d+, /);
    }
  });
});

Deno.test("a segmentation's report has its mIoU, the classes', and pictures with their labels", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinySegment();
    const { result } = await runSegment(config, { backend, directory: `${folder}/run` });
    const page = reportOf(`${folder}/run`);
    assert.ok(page.includes(`<b>${formatPercent(result.mIoU!)}</b> mean intersection over union`));
    for (
      const part of [
        "<strong>mIoU</strong>",
        "<strong>Training accuracy</strong>",
        "Validation pictures",
        "<span>labels</span><span>prediction</span>",
        "of the pixels correct",
        "</i>triangle</span>",
        "background mistaken for disc: ",
        "400 files",
      ]
    ) assert.ok(page.includes(part), part);
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
