/** `tokenizer`: trains the visual tokenizer. */
import type { TokenizerResult } from "../../methods/vqkd/method.ts";
import { defineCommand } from "../parsing/command.ts";
import { modelFlag, recipeFlags, shortcutFlags } from "../parsing/config_flags.ts";
import { formatMetric, metricName } from "../../core/metric_names.ts";
import { describeLength } from "../screen/final_table.ts";
import { alignedRows } from "../screen/plan.ts";
import { methodRunner } from "../running/method_runner.ts";
import { runFlags } from "../running/run_flags.ts";
import { runTask } from "../running/run_task.ts";

/** Trains a VQ-KD tokenizer. */
export const tokenizer = defineCommand({
  name: "tokenizer",
  summary: "Train the visual tokenizer, VQ-KD, that provides pretraining's targets",
  description: "Learns a codebook of visual tokens whose codes let a decoder reconstruct a " +
    "teacher's features. Without arguments, it trains a small one on the bundled clothing images with gradient " +
    "histograms as the teacher, which needs no download.\n\n" +
    "Watch the codebook's usage: if few codes are in use, there is too little data for the codebook.",
  flags: {
    ...recipeFlags("tokenizer"),
    ...shortcutFlags([
      "data",
      "teacher",
      "backend",
      "batch",
      "microBatch",
      "recompute",
      "epochs",
      "lr",
      "imageSize",
      "patchSize",
      "maxSteps",
      "precision",
      "seed",
      "workers",
      "threads",
    ]),
    model: modelFlag,
    ...runFlags,
  },
  examples: [
    ["tokenizer", "the quick start"],
    ["tokenizer --data ~/photos --out runs/codes", "on your own images"],
    ["pretrain --data ~/photos --tokenizer runs/codes", "then pretrain with it"],
    [
      "tokenizer --config vqkd_vit-base-p16_8xb64-amp-coslr-100e_in1k --data data/imagenet " +
      "--set teacher.checkpoint=ViT-B-16.pt",
      "the paper's tokenizer",
    ],
    [
      "tokenizer --config vqkd_vit-base-p16_8xb64-amp-coslr-100e_in1k --data data/imagenet " +
      "--set teacher.checkpoint=ViT-B-16.pt --set teacher.cache.directory=/scratch/features " +
      "--set augment.cropsPerImage=10",
      "with the teacher's features kept on disk: it sees ten crops of each image, once each",
    ],
  ],
  async run({ flags }, context) {
    return await runTask(
      {
        ...methodRunner<"tokenizer", TokenizerResult>("tokenizer"),
        describe: ({ step, interrupted, metrics, directory }, length) => [
          ...alignedRows([
            ["last step", "this tokenizer"],
            ...Object.entries(metrics).map(([key, value]) => [
              metricName(key),
              formatMetric(key, value),
            ]),
          ]),
          describeLength("Trained", step, length),
          interrupted
            ? `Everything is in ${directory}`
            : `The tokenizer is ${directory}/tokenizer.safetensors; the run is next to it`,
        ],
      },
      flags,
      context,
    );
  },
});
