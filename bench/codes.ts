/**
 * What stored codes save: ViT-S' pretraining step with the tokenizer (VQ-KD's ViT-B) and without it.
 *
 *     deno run -A bench/codes.ts [rounds 5] [batch 4]
 *
 * One run has a single crop of each image, so that codes come from disk from the second epoch on. After
 * each epoch that found them all, the file is emptied: epochs with and without the tokenizer take turns,
 * and other load on the machine affects both alike. The tokenizer's weights stand in for the published
 * ones, which take as long.
 *
 * @module
 */

import { createBackend } from "../backends/mod.ts";
import { recordBytesOf } from "../checkpoints/store/code_store.ts";
import { median } from "../core/median.ts";
import { subsetOf } from "../data/sources/subset.ts";
import { pretrain } from "../methods/beit/method.ts";
import { resolveConfig } from "../methods/configs.ts";
import { openTrainingSource } from "../pipeline/images/data_sources.ts";
import { keep, mean } from "./report.ts";

const [rounds = 5, batch = 4] = Deno.args.map(Number);
/** Steps of an epoch. */
const inTurn = 2;

const folder = await Deno.makeTempDir();
const { backend } = await createBackend("auto");
try {
  const { config } = await resolveConfig({
    task: "pretrain",
    recipe: "beitv2_base_patch16_224_pt1k_300e",
    overrides: [
      "data.source=sample",
      "model.embedDim=384",
      "model.heads=6",
      `batchSize=${batch}`,
      `microBatchSize=${batch}`,
      "augment.cropsPerImage=1",
      `tokenizer.codesDirectory=${folder}`,
      "schedule.warmupEpochs=0",
      "schedule.epochs=null",
      `schedule.steps=${(2 * rounds + 1) * inTurn}`,
    ],
  });
  const source = await openTrainingSource(config.data);
  const seconds = { computed: [] as number[], stored: [] as number[] };
  const losses: number[] = [];
  await pretrain(config, {
    backend,
    source: subsetOf(source, Array.from({ length: batch * inTurn }, (_, index) => index)),
    downloads: { onStandIn() {} },
    listener(event) {
      if (event.type !== "step") return;
      const { step, stepTime, stages } = event.metrics;
      losses.push(event.metrics.loss);
      const turn = Math.floor((step - 1) / inTurn);
      const side = turn % 2 === 0 ? "computed" : "stored";
      // The first epoch compiles code and fills caches.
      if (turn > 0) seconds[side].push(stepTime);
      console.error(`step ${step}, ${side}: ${stepTime.toFixed(2)} s`, stages?.tokenize);
      if (side === "stored" && step % inTurn === 0) {
        for (const { name } of Deno.readDirSync(folder)) Deno.truncateSync(`${folder}/${name}`);
      }
    },
  });
  const { computed, stored } = seconds;
  const bytes = recordBytesOf({ patches: 196, codes: config.model.codes });
  const results = {
    batch,
    rounds,
    imagesPerSecond: { computed: batch / median(computed), stored: batch / median(stored) },
    ratio: median(computed) / median(stored),
    meanRatio: mean(computed) / mean(stored),
    megabytesPerMillionCrops: bytes,
  };
  console.log(JSON.stringify(results, null, 2));
  await keep("codes", results);
} finally {
  await backend.dispose();
  await Deno.remove(folder, { recursive: true });
}
