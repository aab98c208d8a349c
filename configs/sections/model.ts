/** Architectures: the BEiT encoder, the tokenizer's encoder, decoder, codebook and teacher. @module */
import { z } from "../../deps/zod.ts";
import { most } from "./most.ts";
import { withDefault } from "./with_default.ts";

const initVariant = z.enum(["unilm", "mmselfsup", "xavier"]).default("unilm").describe(
  "Initialisation: unilm's or mmselfsup's, or xavier for small models that must learn fast.",
);

/** The sizes that every vision transformer has. */
const transformer = {
  imageSize: z.int().min(4).max(most.pixels).default(224).describe(
    "Height and width of an image in pixels.",
  ),
  patchSize: z.int().min(1).max(most.pixels).default(16).describe(
    "Height and width of a patch in pixels.",
  ),
  embedDim: z.int().min(1).max(most.width).default(768).describe("Width of the token vectors."),
  depth: z.int().min(1).max(most.blocks).default(12).describe("Number of blocks."),
  heads: z.int().min(1).max(most.width).default(12).describe(
    "Number of attention heads; must divide `embedDim`.",
  ),
  mlpRatio: z.number().positive().max(most.factor).default(4).describe(
    "Hidden width of the MLP relative to `embedDim`.",
  ),
};

const encoder = {
  ...transformer,
  layerScaleInitValue: z.number().min(0).default(0.1).describe(
    "Initial layer scale γ: 0.1 for base, 1e-5 for large; 0 means none.",
  ),
  usesAbsolutePositions: z.boolean().default(false).describe(
    "Whether learned absolute positions are added to the patches.",
  ),
  sincosAmplitude: z.number().positive().nullable().default(null).describe(
    "Initialises absolute positions with sines and cosines of this amplitude, so that small models learn faster; " +
      "null: as `initVariant` says.",
  ),
  usesSharedRelativePositionBias: z.boolean().default(true).describe(
    "Whether a single relative-position table is shared by all blocks (pretraining).",
  ),
  usesRelativePositionBias: z.boolean().default(false).describe(
    "Whether each block has its own relative-position table (fine-tuning).",
  ),
  dropPathRate: z.number().min(0).lt(1).default(0).describe(
    "Probability that a sample skips a branch of the last block; it rises linearly from 0 with depth.",
  ),
  dropPathTwice: z.boolean().default(false).describe(
    "Whether drop path is applied twice to the MLP branch, as in mmselfsup.",
  ),
  initVariant,
};

/** BEiT v2 in pretraining: encoder, aggregation blocks and head. */
export const pretrainModelSection = z.strictObject({
  ...encoder,
  earlyLayers: z.int().min(1).max(most.blocks).default(9).describe(
    "Number of blocks before the early output that the aggregation reads: 9 of 12, 21 of 24.",
  ),
  headLayers: z.int().min(0).max(most.blocks).default(2).describe(
    "Number of blocks in the patch aggregation; 0 removes it and its loss.",
  ),
  codes: z.int().min(2).max(most.classes).default(8192).describe(
    "Number of visual tokens: the codebook's size.",
  ),
}).describe("The BEiT v2 encoder, its patch aggregation and its head.");

/** BEiT v2 in fine-tuning: encoder and classifier. */
export const finetuneModelSection = z.strictObject({
  ...encoder,
  usesSharedRelativePositionBias: withDefault(encoder.usesSharedRelativePositionBias, false),
  usesRelativePositionBias: withDefault(encoder.usesRelativePositionBias, true),
  dropPathRate: withDefault(encoder.dropPathRate, 0.1),
  classes: z.union([z.literal("auto"), z.int().min(1).max(most.classes)]).default("auto").describe(
    "Number of classes; auto counts the class folders.",
  ),
  headInitScale: z.number().min(0).default(0.001).describe(
    "Factor applied to the new head's weights (unilm: 0.001, mmselfsup: 1).",
  ),
}).describe("The BEiT v2 encoder with a classifier.");

/** The VQ-KD tokenizer's encoder: a plain ViT with absolute positions and no layer scale. */
export const tokenizerModelSection = z.strictObject({
  ...transformer,
  initVariant: z.enum(["unilm", "xavier"]).default("unilm").describe(
    "Initialisation: unilm's, or xavier for small models that must learn fast.",
  ),
}).describe("The tokenizer's encoder.");

/** The decoder of the VQ-KD tokenizer. */
export const decoderSection = z.strictObject({
  depth: z.int().min(1).max(most.blocks).default(3).describe(
    "Number of blocks: 3, or 1 for the 1x variants.",
  ),
}).describe("The decoder, as wide as the encoder; it is discarded after tokenizer training.");

/** The codebook of the VQ-KD tokenizer. */
export const codebookSection = z.strictObject({
  codes: z.int().min(2).max(most.classes).default(8192).describe("Number of codes."),
  codeDim: z.int().min(1).max(most.width).default(32).describe("Dimensions of a code."),
  decay: z.number().min(0).max(1).default(0.99).describe("Decay of the codes' moving average."),
  quantizationWeight: z.number().min(0).default(1).describe("Weight β of the commitment loss."),
  kmeansIterations: z.int().min(0).max(most.iterations).default(10).describe(
    "Iterations of the initial k-means; 0 starts from random codes.",
  ),
  kmeansTokensPerCode: z.int().min(1).max(most.iterations).default(8).describe(
    "Tokens gathered per code for the initial k-means, from as many initial batches as needed.",
  ),
  restartIdleSteps: z.int().min(1).max(most.steps).nullable().default(null).describe(
    "Steps without use after which a code is restarted from a token of the batch; null: never.",
  ),
  usageWindow: z.int().min(1).max(most.iterations).default(100).describe(
    "Number of steps over which usage and perplexity are measured.",
  ),
  usageAlarm: z.number().min(0).max(1).default(0.25).describe(
    "Share of codes in use below which a warning is issued, with the remedy.",
  ),
}).describe("The codebook and its health.");

/** Which tokenizer produces the targets. */
export const tokenizerSection = z.strictObject({
  checkpoint: z.string().default("vqkd_quickstart").describe(
    "The tokenizer: a file, a run directory, the name of a model card, `vqkd_quickstart` or `vqkd_lite0`, " +
      "bundled and taught by gradient histograms and by EfficientNet-Lite0, or `pixels`: k-means on the " +
      "pixels of patches, for comparison.",
  ),
  recipe: z.string().default("vqkd_quickstart").describe(
    "The recipe used by `pretrain --train-tokenizer` to train one, in place of `checkpoint`.",
  ),
  codesDirectory: z.string().nullable().default(null).describe(
    "Folder for the codes of `augment.cropsPerImage` crops, which several runs may share; null: `codes` in " +
      "the run's directory.",
  ),
  updatesDuringPretraining: z.boolean().default(false).describe(
    "Whether the codebook drifts during pretraining, as mmselfsup's does by accident.",
  ),
}).describe("The frozen tokenizer; its sizes are read from its checkpoint.");
