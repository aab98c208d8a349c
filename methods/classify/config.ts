/**
 * The config of fine-tuning for classification, and what the command line says of it.
 *
 * @module
 */

import { z } from "../../deps/zod.ts";
import { modelSizes } from "../../configs/model_sizes.ts";
import { dataSection, finetuneAugmentSection } from "../../configs/sections/data.ts";
import { emaSection, pretrainedKey } from "../../configs/sections/downstream.ts";
import { finetuneModelSection } from "../../configs/sections/model.ts";
import { most } from "../../configs/sections/most.ts";
import { optimizerSection, scheduleSection } from "../../configs/sections/optimization.ts";
import { batchSizeOf, runKeys, stoppingEvaluation } from "../../configs/sections/run.ts";
import { withDefault } from "../../configs/sections/with_default.ts";
import type { TaskDefinition } from "../../configs/task.ts";

/** The learning rate for a classifier as wide as the quick start's. */
const chosenLr = 1e-3;

/** Fine-tuning for classification. */
export const finetuneSchema = z.strictObject({
  task: z.literal("finetune").describe("Fine-tuning for classification."),
  ...runKeys,
  pretrained: pretrainedKey,
  data: dataSection.prefault({}),
  augment: finetuneAugmentSection.prefault({}),
  model: finetuneModelSection.prefault({}),
  batchSize: batchSizeOf(1024),
  optimizer: optimizerSection.extend({
    lr: withDefault(optimizerSection.shape.lr, 5e-4),
    betas: withDefault(optimizerSection.shape.betas, [0.9, 0.999]),
    clipGradNorm: withDefault(optimizerSection.shape.clipGradNorm, null),
    layerDecay: withDefault(optimizerSection.shape.layerDecay, 0.65),
  }).prefault({}),
  schedule: scheduleSection.extend({
    epochs: withDefault(scheduleSection.shape.epochs, 100),
    warmupEpochs: withDefault(scheduleSection.shape.warmupEpochs, 20),
    minLr: withDefault(scheduleSection.shape.minLr, 1e-6),
  }).prefault({}),
  ema: emaSection.nullable().default(null).describe(
    "Moving average of the weights, evaluated alongside them; null: none.",
  ),
  evaluateEveryEpochs: z.number().positive().max(most.epochs).default(1).describe(
    "Epochs between evaluations on the evaluation split.",
  ),
  evaluation: stoppingEvaluation(["top1", "top5"]).prefault({}),
});

/** A resolved fine-tuning config. */
export type FinetuneConfig = z.infer<typeof finetuneSchema>;

/** What the command line and the documentation know of it. */
export const finetuneTask: TaskDefinition<FinetuneConfig> = {
  name: "finetune",
  title: "fine-tuning",
  schema: finetuneSchema,
  defaultRecipe: "finetune_quickstart",
  // mmselfsup's fine-tuning uses Pillow, unlike its pretraining crop.
  unlikeMmselfsup: ["augment.interpolation"],
  choose: ({ embedDim, sizes }) => ({
    ...sizes,
    // From scratch; wider models take smaller steps, as in pretraining.
    "optimizer.lr": chosenLr * modelSizes.mini.embedDim / embedDim,
  }),
  words: {
    done: "Fine-tuned",
    summary: "Fine-tune a pretrained model for classification",
    description:
      "Adds a classifier to a pretrained model and trains all of it on images in class " +
      "folders; without --checkpoint, from scratch. Sizes come from the checkpoint; positions are " +
      "resized to model.imageSize.\n\n" +
      "The run keeps its last checkpoints, and the best model on the evaluation split in " +
      "best.safetensors. The same command, or --resume DIR, continues an interrupted run.",
    examples: [
      ["finetune --checkpoint runs/quickstart", "the quick start"],
      ["finetune --checkpoint runs/photos --data ~/photos", "on your own class folders"],
      [
        "finetune --config vit-base-p16_ft-8xb128-coslr-100e_in1k --checkpoint beit.pth " +
        "--data data/imagenet",
        "the recipe of the paper",
      ],
      [
        "finetune --checkpoint runs/quickstart --set data.labelFraction=0.1",
        "a tenth of the labels",
      ],
    ],
  },
};
