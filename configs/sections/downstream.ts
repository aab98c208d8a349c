/** Sections of the tasks that start from a pretrained model. @module */
import { z } from "../../deps/zod.ts";
import { most } from "./most.ts";

/** The pretrained model that a downstream task starts from. */
export const pretrainedKey = z.string().nullable().default(null).describe(
  "The pretrained model: a run directory, a checkpoint in any known format or the name of a model card; " +
    "null: from scratch.",
);

/** Linear probing. */
export const probeSection = z.strictObject({
  layers: z.union([
    z.literal("all"),
    z.array(z.int().min(0).max(most.blocks)).min(1).max(most.blocks),
  ]).default("all").describe(
    "Blocks whose output is probed, all jointly; the best is reported.",
  ),
  tokens: z.array(z.enum(["cls", "meanPatches", "clsAndMean"])).min(1).max(most.items).default([
    "clsAndMean",
  ])
    .describe("What represents an image in a block; each choice has its own classifier."),
  optimizer: z.enum(["adamw", "lars"]).default("adamw").describe(
    "AdamW as in BEiT's script, or LARS as in MAE's.",
  ),
  batchNorm: z.boolean().default(false).describe(
    "Whether a batch norm without affine parameters precedes the classifier (MAE's recipe).",
  ),
  lr: z.number().positive().default(4e-3).describe("Peak learning rate."),
  weightDecay: z.number().min(0).default(1e-4).describe("Weight decay."),
  epochs: z.number().positive().max(most.epochs).default(100).describe("Passes over the data."),
  warmupEpochs: z.number().min(0).max(most.epochs).default(0).describe(
    "Passes over the data during which the learning rate rises.",
  ),
  initDeviation: z.number().min(0).default(0.01).describe(
    "Standard deviation of the classifiers' initial weights.",
  ),
}).describe("The linear classifiers on frozen features.");

/** Moving average of the weights. */
export const emaSection = z.strictObject({
  decay: z.number().min(0).lt(1).default(0.9999).describe("Decay per step."),
}).describe("Moving average of the weights, evaluated alongside them.");

/** Semantic segmentation. */
export const segmentationSection = z.strictObject({
  head: z.enum(["upernet", "linear"]).default("upernet").describe("The decoder of the features."),
  classes: z.union([z.literal("auto"), z.int().min(1).max(most.classes)]).default("auto").describe(
    "Number of classes; auto: determined by the largest label in the label maps.",
  ),
  channels: z.int().min(1).max(most.width).default(768).describe("Width of the head."),
  outBlocks: z.array(z.int().min(0).max(most.blocks)).length(4).default([3, 5, 7, 11]).describe(
    "Blocks whose output the head reads, from 0.",
  ),
  poolScales: z.array(z.int().min(1).max(most.width)).min(1).max(most.items).default([1, 2, 3, 6])
    .describe(
      "Grid sizes of UPerNet's pyramid pooling.",
    ),
  dropout: z.number().min(0).lt(1).default(0.1).describe("Dropout before the classifier."),
  auxiliaryWeight: z.number().min(0).default(0.4).describe("Weight of the auxiliary FCN loss."),
  auxiliaryChannels: z.int().min(1).max(most.width).default(256).describe(
    "Width of the auxiliary head.",
  ),
  reduceZeroLabel: z.boolean().default(true).describe(
    "Whether label 0 is ignored and the others are shifted down by one (ADE20K).",
  ),
}).describe("The segmentation head.");

/** The segmentation views. */
export const segmentationAugmentSection = z.strictObject({
  size: z.int().min(4).max(most.pixels).default(512).describe(
    "Height and width of the crop; default: the model's.",
  ),
  resize: z.tuple([z.int().min(1).max(most.pixels), z.int().min(1).max(most.pixels)]).default([
    2048,
    512,
  ]).describe(
    "Longest and shortest edge that an image is fitted to before the crop; default: four times " +
      "`size`, and `size`.",
  ),
  resizeRatio: z.tuple([
    z.number().positive().max(most.factor),
    z.number().positive().max(most.factor),
  ]).default([0.5, 2]).describe(
    "Factor drawn for the fitted size: [smallest, largest].",
  ),
  maxClassShare: z.number().positive().max(1).default(0.75).describe(
    "Largest share of one class in a crop; if exceeded, the crop is drawn again, up to ten times.",
  ),
  flip: z.number().min(0).max(1).default(0.5).describe("Probability of a horizontal flip."),
  photometricDistortion: z.boolean().default(true).describe("Whether colours are distorted."),
  stride: z.int().min(1).max(most.pixels).default(341).describe(
    "Stride of the test's sliding window in pixels; default: two thirds of `size`.",
  ),
  normalization: z.enum(["imagenet", "half", "clip"]).default("imagenet").describe(
    "Mean and deviation used to normalise the view.",
  ),
}).describe("The views of segmentation.");
