/**
 * The config of fine-tuning for segmentation, and what the command line says of it.
 *
 * @module
 */

import { z } from "../../deps/zod.ts";
import { dataSection } from "../../configs/sections/data.ts";
import {
  pretrainedKey,
  segmentationAugmentSection,
  segmentationSection,
} from "../../configs/sections/downstream.ts";
import { finetuneModelSection } from "../../configs/sections/model.ts";
import { most } from "../../configs/sections/most.ts";
import { optimizerSection, scheduleSection } from "../../configs/sections/optimization.ts";
import { batchSizeOf, runKeys, stoppingEvaluation } from "../../configs/sections/run.ts";
import { withDefault } from "../../configs/sections/with_default.ts";
import type { TaskDefinition } from "../../configs/task.ts";

/** Fine-tuning for semantic segmentation. */
export const segmentSchema = z.strictObject({
  task: z.literal("segment").describe("Fine-tuning for semantic segmentation."),
  ...runKeys,
  pretrained: pretrainedKey,
  data: dataSection.prefault({}),
  augment: segmentationAugmentSection.prefault({}),
  model: finetuneModelSection.omit({ classes: true, headInitScale: true }).extend({
    imageSize: withDefault(finetuneModelSection.shape.imageSize, 512),
    dropPathRate: withDefault(finetuneModelSection.shape.dropPathRate, 0.15),
  }).prefault({}),
  segmentation: segmentationSection.prefault({}),
  batchSize: batchSizeOf(16),
  optimizer: optimizerSection.extend({
    lr: withDefault(optimizerSection.shape.lr, 5e-5),
    betas: withDefault(optimizerSection.shape.betas, [0.9, 0.999]),
    clipGradNorm: withDefault(optimizerSection.shape.clipGradNorm, null),
    layerDecay: withDefault(optimizerSection.shape.layerDecay, 0.75),
  }).prefault({}),
  schedule: z.strictObject({
    steps: z.int().min(1).max(most.steps).default(160_000).describe(
      "Length of the schedule in optimizer steps.",
    ),
    maxSteps: scheduleSection.shape.maxSteps,
    warmupSteps: z.int().min(0).max(most.steps).default(1500).describe(
      "Steps during which the learning rate rises.",
    ),
    warmupStartFactor: withDefault(scheduleSection.shape.warmupStartFactor, 1e-6),
    power: z.number().positive().default(1).describe("Exponent of the polynomial decay."),
    minLr: withDefault(scheduleSection.shape.minLr, 0),
  }).prefault({}).describe("Linear warm-up, then polynomial decay."),
  evaluateEverySteps: z.int().min(1).max(most.steps).nullable().default(16_000).describe(
    "Steps between evaluations on the evaluation split; null: only at the end.",
  ),
  evaluation: stoppingEvaluation(["mIoU", "aAcc", "mAcc"]).prefault({}),
});

/** A resolved segmentation config. */
export type SegmentConfig = z.infer<typeof segmentSchema>;

/** What the command line and the documentation know of it. */
export const segmentTask: TaskDefinition<SegmentConfig> = {
  name: "segment",
  title: "segmentation",
  schema: segmentSchema,
  defaultRecipe: "segment_quickstart",
  // Label maps are found by image name, in separate folders for training and validation.
  inertKeys: ["data.listFile", "data.evaluationListFile", "data.labelFraction", "data.holdOut"],
  words: {
    done: "Trained",
    summary: "Fine-tune a pretrained model for semantic segmentation",
    description:
      "Adds UPerNet or a linear head to a pretrained model and trains all of it on images " +
      "with label maps; without --checkpoint, from scratch.\n\n" +
      "The folder must have ADE20K's layout: images/training, images/validation, and, with the same file names, " +
      "annotations/training and annotations/validation with 8-bit greyscale PNG files whose levels are the " +
      "classes; with segmentation.reduceZeroLabel, 0 is not a class. Without --data, it trains on " +
      "generated images of shapes.\n\n" +
      "Whole images are tested with a sliding window: mIoU, aAcc, mAcc. The run keeps its last " +
      "checkpoints, and the best model in best.safetensors. The same command, or --resume DIR, " +
      "continues an interrupted run.",
    examples: [
      ["segment --checkpoint runs/quickstart", "the quick start, on generated images"],
      [
        "segment --config upernet_vit-base-p16_8xb2-160k_ade20k-512x512 --checkpoint beit.pth " +
        "--data data/ade20k",
        "the recipe of the paper",
      ],
      [
        "segment --checkpoint runs/photos --data data/streets --set segmentation.head=linear " +
        "--set segmentation.classes=auto",
        "a linear head on your own label maps",
      ],
    ],
  },
};
