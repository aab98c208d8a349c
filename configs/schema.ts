/**
 * Everything that determines a run: one strict schema per task, discriminated by `task`.
 *
 * A value set in no layer is the schema's default or is derived from other keys (see `derive.ts`), so use
 * {@link parseConfig} from `parse.ts` rather than parsing with the schema alone.
 *
 * @module
 */
import { z } from "../deps/zod.ts";
import { most } from "./sections/most.ts";
import { withDefault } from "./sections/with_default.ts";
import {
  cropAugmentSection,
  cropsPerImage,
  dataSection,
  finetuneAugmentSection,
  maskSection,
  twoViewAugmentSection,
} from "./sections/data.ts";
import {
  emaSection,
  pretrainedKey,
  probeSection,
  segmentationAugmentSection,
  segmentationSection,
} from "./sections/downstream.ts";
import {
  codebookSection,
  decoderSection,
  finetuneModelSection,
  pretrainModelSection,
  teacherSection,
  tokenizerModelSection,
  tokenizerSection,
} from "./sections/model.ts";
import { optimizerSection, scheduleSection } from "./sections/optimization.ts";
import { batchSizeOf, evaluationSection, runKeys, stoppingEvaluation } from "./sections/run.ts";

/** Masked image modelling with visual tokens: BEiT v2 (paper section 2.2). */
export const pretrainSchema = z.strictObject({
  task: z.literal("pretrain").describe("Masked image modelling: BEiT v2."),
  ...runKeys,
  data: dataSection.prefault({}),
  augment: twoViewAugmentSection.prefault({}),
  mask: maskSection.prefault({}),
  model: pretrainModelSection.prefault({}),
  tokenizer: tokenizerSection.prefault({}),
  batchSize: batchSizeOf(2048),
  optimizer: optimizerSection.prefault({}),
  schedule: scheduleSection.prefault({}),
  evaluation: evaluationSection.prefault({}),
});

/** Training of the visual tokenizer: VQ-KD (paper section 2.1; unilm's TOKENIZER.md). */
export const tokenizerSchema = z.strictObject({
  task: z.literal("tokenizer").describe("Training of the visual tokenizer: VQ-KD."),
  ...runKeys,
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
});

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

/** Linear classifiers on the frozen features of every block. */
export const linearProbeSchema = z.strictObject({
  task: z.literal("linearProbe").describe("Linear classifiers on frozen features."),
  ...runKeys,
  pretrained: pretrainedKey,
  data: dataSection.prefault({}),
  augment: cropAugmentSection.prefault({}),
  probe: probeSection.prefault({}),
  batchSize: batchSizeOf(1024),
});

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

/** The schema of each task. */
export const schemas = {
  pretrain: pretrainSchema,
  tokenizer: tokenizerSchema,
  finetune: finetuneSchema,
  linearProbe: linearProbeSchema,
  segment: segmentSchema,
} as const;

/** The possible tasks. */
export type Task = keyof typeof schemas;

/** A resolved pretraining config. */
export type PretrainConfig = z.infer<typeof pretrainSchema>;
/** A resolved config of tokenizer training. */
export type TokenizerConfig = z.infer<typeof tokenizerSchema>;
/** A resolved fine-tuning config. */
export type FinetuneConfig = z.infer<typeof finetuneSchema>;
/** A resolved config of linear probing. */
export type LinearProbeConfig = z.infer<typeof linearProbeSchema>;
/** A resolved segmentation config. */
export type SegmentConfig = z.infer<typeof segmentSchema>;

/** A resolved config of any task; `task` discriminates. */
export type Config =
  | PretrainConfig
  | TokenizerConfig
  | FinetuneConfig
  | LinearProbeConfig
  | SegmentConfig;

/** The config type of a task. */
export type ConfigOf<T extends Task> = Extract<Config, { task: T }>;
