/**
 * The config of BEiT v2 pretraining, and what the command line says of it.
 *
 * @module
 */

import { z } from "../../deps/zod.ts";
import {
  cropsPerImage,
  dataSection,
  maskSection,
  twoViewAugmentSection,
} from "../../configs/sections/data.ts";
import { pretrainedKey } from "../../configs/sections/downstream.ts";
import { pretrainModelSection, tokenizerSection } from "../../configs/sections/model.ts";
import { optimizerSection, scheduleSection } from "../../configs/sections/optimization.ts";
import { batchSizeOf, evaluationSection, runKeys } from "../../configs/sections/run.ts";
import type { TaskDefinition } from "../../configs/task.ts";

/** Masked image modelling with visual tokens: BEiT v2 (paper section 2.2). */
export const pretrainSchema = z.strictObject({
  task: z.literal("pretrain").describe("Masked image modelling: BEiT v2."),
  ...runKeys,
  pretrained: pretrainedKey.describe(
    "The model to continue from: a run directory, a checkpoint in any known format or the name of a model " +
      "card; null: a new one.",
  ),
  newHeads: z.boolean().default(false).describe(
    "Whether the prediction head and the patch aggregation of `pretrained` are initialised anew, for a " +
      "tokenizer with other codes.",
  ),
  data: dataSection.prefault({}),
  augment: twoViewAugmentSection.extend({
    cropsPerImage: cropsPerImage.describe(
      "Number of different crops per image, which repeat epoch by epoch, with new masks: their codes are " +
        "computed once and kept in `tokenizer.codesDirectory`; null: a new crop in every epoch. Where each " +
        "image was seen six times, a single crop cost about a point of accuracy (docs/study.md).",
    ),
  }).prefault({}),
  mask: maskSection.prefault({}),
  model: pretrainModelSection.prefault({}),
  tokenizer: tokenizerSection.prefault({}),
  batchSize: batchSizeOf(2048),
  optimizer: optimizerSection.prefault({}),
  schedule: scheduleSection.prefault({}),
  evaluation: evaluationSection.prefault({}),
});

/** A resolved pretraining config. */
export type PretrainConfig = z.infer<typeof pretrainSchema>;

/** What the command line and the documentation know of it. */
export const pretrainTask: TaskDefinition<PretrainConfig> = {
  name: "pretrain",
  title: "pretraining",
  schema: pretrainSchema,
  defaultRecipe: "quickstart",
  // Its accuracies are computed with all labels.
  inertKeys: ["data.labelFraction"],
  choose: ({ passes, lr, sizes, batch, givenBatch }) => ({
    ...sizes,
    "optimizer.lr": lr,
    batchSize: batch,
    "schedule.steps": Math.ceil(passes / givenBatch),
    // The quick start's has learned from clothes what matters in clothes. After 300 steps on 5000 CIFAR-10
    // photographs, its features were at 29.9 % (k-NN) and 38.7 % (linear), those of this one at 32.3 and 40.6.
    "tokenizer.checkpoint": "vqkd_quickstart",
  }),
  words: {
    done: "Pretrained",
    summary: "Pretrain BEiT v2 on images",
    description: "Trains a vision transformer to predict the visual tokens of masked patches. " +
      "Without arguments, it trains a small one on the bundled clothing images, in a few minutes on any computer; " +
      "with --data, it uses your own images, and with --config one of the papers' recipes.\n\n" +
      "Ctrl-C finishes the step, saves, and says how to continue: with the same command, or with " +
      "--resume DIR.",
    examples: [
      ["pretrain", "the quick start"],
      ["pretrain --data ~/photos --out runs/photos", "the same on your own images"],
      [
        "pretrain --config beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k --data data/imagenet",
        "the recipe of the paper",
      ],
      ["pretrain --set optimizer.lr=1e-3 --dry-run", "what a run would cost"],
      ["pretrain --data ~/photos --train-tokenizer", "the tokenizer too, on the same images"],
      [
        "pretrain --checkpoint beitv2_base_patch16_224_pt1k --data ~/photos",
        "continue from published weights",
      ],
      ["pretrain --resume runs/quickstart", "resume a stopped run"],
    ],
  },
};
