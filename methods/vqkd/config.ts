/**
 * The config of tokenizer training, and what the command line says of it.
 *
 * @module
 */

import { z } from "../../deps/zod.ts";
import { cropAugmentSection, cropsPerImage, dataSection } from "../../configs/sections/data.ts";
import {
  codebookSection,
  decoderSection,
  tokenizerModelSection,
} from "../../configs/sections/model.ts";
import { optimizerSection, scheduleSection } from "../../configs/sections/optimization.ts";
import { most } from "../../configs/sections/most.ts";
import { batchSizeOf, runKeys, tokenizerEvaluationSection } from "../../configs/sections/run.ts";
import { withDefault } from "../../configs/sections/with_default.ts";
import type { TaskDefinition } from "../../configs/task.ts";
import { teacherSection } from "./teachers/mod.ts";

/** Training of the visual tokenizer: VQ-KD (paper section 2.1; unilm's TOKENIZER.md). */
export const tokenizerSchema = z.strictObject({
  task: z.literal("tokenizer").describe("Training of the visual tokenizer: VQ-KD."),
  ...runKeys,
  method: z.enum(["vqkd", "kMeans"]).default("vqkd").describe(
    "vqkd: a network learns codes from which the teacher's features can be reconstructed; kMeans: " +
      "the codes are means of those features, which takes a minute, and the teacher runs whenever " +
      "images are tokenized.",
  ),
  kMeans: z.strictObject({
    tokensPerCode: z.int().min(1).max(most.iterations).default(128).describe(
      "Patches per code that the means are fitted to.",
    ),
    iterations: z.int().min(0).max(most.iterations).default(20).describe(
      "Rounds of assigning patches to means.",
    ),
  }).describe("How `method: kMeans` finds its codes.").prefault({}),
  data: dataSection.prefault({}),
  augment: cropAugmentSection.extend({
    normalization: withDefault(cropAugmentSection.shape.normalization, "half"),
    cropsPerImage,
  }).prefault({}),
  model: tokenizerModelSection.prefault({}),
  decoder: decoderSection.prefault({}),
  codebook: codebookSection.prefault({}),
  teacher: teacherSection.prefault({}),
  batchSize: batchSizeOf(512),
  optimizer: optimizerSection.extend({
    lr: withDefault(optimizerSection.shape.lr, 2e-4),
    betas: withDefault(optimizerSection.shape.betas, [0.9, 0.99]),
    weightDecay: withDefault(optimizerSection.shape.weightDecay, 1e-4),
    clipGradNorm: withDefault(optimizerSection.shape.clipGradNorm, null),
  }).prefault({}),
  schedule: scheduleSection.extend({
    epochs: withDefault(scheduleSection.shape.epochs, 100),
  }).prefault({}),
  evaluation: tokenizerEvaluationSection.prefault({}),
});

/** A resolved config of tokenizer training. */
export type TokenizerConfig = z.infer<typeof tokenizerSchema>;

/** What the command line and the documentation know of it. */
export const tokenizerTask: TaskDefinition<TokenizerConfig> = {
  name: "tokenizer",
  title: "tokenizer training",
  schema: tokenizerSchema,
  defaultRecipe: "vqkd_quickstart",
  // It needs no labels and trains from scratch, so no block has its own learning rate.
  inertKeys: ["data.labelFraction", "optimizer.layerDecay"],
  // mmselfsup does not train tokenizers, so it has no initialisation for one.
  unlikeMmselfsup: ["model.initVariant"],
  // The tokenizer is as large as its recipe says, whatever learns from it.
  choose: () => ({}),
  words: {
    done: "Trained",
    summary: "Train the visual tokenizer, VQ-KD, that provides pretraining's targets",
    description: "Learns a codebook of visual tokens whose codes let a decoder reconstruct a " +
      "teacher's features. Without arguments, it trains a small one on the bundled clothing images with gradient " +
      "histograms as the teacher, which needs no download.\n\n" +
      "Watch the codebook's usage: if few codes are in use, there is too little data for the codebook.",
    examples: [
      ["tokenizer", "the quick start"],
      ["tokenizer --data ~/photos --out runs/codes", "on your own images"],
      ["pretrain --data ~/photos --tokenizer runs/codes", "then pretrain with it"],
      ["tokenizer --data ~/photos --teacher dinov2.onnx", "with any vision model as the teacher"],
      [
        "tokenizer --data ~/photos --teacher dinov2.onnx --set method=kMeans",
        "without training: k-means of its features",
      ],
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
  },
};
