/** Where the images come from, how they are read and how a training view is made. @module */
import { z } from "../../deps/zod.ts";
import { most } from "./most.ts";

/** A range `[low, high]` with `low ≤ high`. */
const range = z.tuple([z.number().positive(), z.number().positive()])
  .refine(([low, high]) => low <= high, "expected the smaller number first");

/** The filters that an image may be resized with. */
export const interpolation = z.enum(["pil-bicubic", "pil-lanczos", "pil-bilinear", "cv2-area"]);

/** Named mean and standard deviation per channel. */
export const normalization = z.enum(["imagenet", "half", "clip"]);

/** The images of a run. */
export const dataSection = z.strictObject({
  source: z.string().default("sample").describe(
    "Images: a folder, a .tar, .tar.gz or .zip file, a pattern of shards such as " +
      '`wds-{0000..0012}.tar`, or "sample" for the bundled ones.',
  ),
  split: z.string().nullable().default("train").describe(
    "Split of the source to train on, a subfolder such as `train`; used only if it exists. " +
      "null: the whole source.",
  ),
  evaluationSource: z.string().nullable().default(null).describe(
    "Images to evaluate on, if they are not part of `source`.",
  ),
  evaluationSplit: z.string().nullable().default("val").describe(
    "Split of the source to evaluate on; falls back to `test` if it does not exist.",
  ),
  listFile: z.string().nullable().default(null).describe(
    "File with `path label` lines for the training split, as in mmselfsup; a path, or one inside the source.",
  ),
  evaluationListFile: z.string().nullable().default(null).describe(
    "File with `path label` lines for the evaluation split; a path, or one inside the source.",
  ),
  holdOut: z.number().positive().lt(1).nullable().default(null).describe(
    "Share of each class that is held out for evaluation if a labelled source has no splits; the " +
      "same images in every run. null: none; on the command line, `--data` holds out a tenth.",
  ),
  exclude: z.string().nullable().default(null).describe(
    "File that lists images to exclude, one path per line, as written by `data check --exclude-list`.",
  ),
  labelFraction: z.number().positive().max(1).default(1).describe(
    "Share of the labelled training images of each class to use, drawn with the seed.",
  ),
  workers: z.union([z.literal("auto"), z.int().min(0).max(most.threads)]).default("auto").describe(
    "Worker threads that decode and augment; 0 works in the main thread.",
  ),
  cacheBytes: z.int().min(0).max(most.bytes).default(536_870_912).describe(
    "Memory for decoded images kept between epochs, in bytes.",
  ),
  prefetch: z.int().min(1).max(most.prefetch).default(2).describe(
    "Batches prepared ahead of the step.",
  ),
  onError: z.enum(["raise", "skip"]).default("raise").describe(
    "What happens with an unreadable image: stop the run, or skip it, with a count and a log entry.",
  ),
  maxSkipped: z.int().min(0).max(most.count).default(100).describe(
    "Number of unreadable images after which `onError: skip` stops the run anyway.",
  ),
  maxPixels: z.int().min(1).max(most.count).default(178_956_970).describe(
    "Maximum number of pixels in an image according to its file header; a larger one is unreadable. Default: Pillow's limit.",
  ),
  exif: z.boolean().default(false).describe(
    "Whether images are rotated according to their EXIF orientation (mmselfsup: yes, unilm: no).",
  ),
  shuffle: z.boolean().default(true).describe(
    "Whether each epoch has its own order, determined by seed and epoch.",
  ),
  dropLast: z.boolean().default(true).describe(
    "Whether the last, incomplete batch of an epoch is dropped (unilm: yes, mmselfsup: no).",
  ),
}).describe("The images and how they are read.");

/** Strength of the colour jitter. */
const jitter = z.strictObject({
  brightness: z.number().min(0).default(0.4).describe("Factor drawn from 1 ± this."),
  contrast: z.number().min(0).default(0.4).describe("Factor drawn from 1 ± this."),
  saturation: z.number().min(0).default(0.4).describe("Factor drawn from 1 ± this."),
}).describe("Colour jitter, its three parts in random order (SPEC: BEiT v2 uses 0.4 each).");

const size = z.int().min(4).max(most.pixels).default(224);
const cropScale = range.default([0.2, 1]).describe(
  "Share of the image's area that a random crop covers: [smallest, largest].",
);
const cropRatio = range.default([3 / 4, 4 / 3]).describe(
  "Width ÷ height of a random crop: [smallest, largest].",
);
const flip = z.number().min(0).max(1).default(0.5).describe("Probability of a horizontal flip.");

/** Two views of the same crop: for the encoder and for the tokenizer. */
export const twoViewAugmentSection = z.strictObject({
  size: size.describe("Height and width of the encoder's view; default: `model.imageSize`."),
  tokenizerSize: size.describe("Height and width of the tokenizer's view; default: `size`."),
  cropScale,
  cropRatio,
  flip,
  jitter: jitter.prefault({}),
  normalization: normalization.default("imagenet").describe(
    "Mean and deviation used to normalise the encoder's view.",
  ),
  tokenizerNormalization: normalization.default("half").describe(
    "Mean and deviation used to normalise the tokenizer's view; VQ-KD expects `half`: [−1, 1].",
  ),
  interpolation: interpolation.default("pil-bicubic").describe(
    "Resize filter; `cv2-area` is what mmselfsup's `bicubic` really is.",
  ),
}).describe("The two views of a pretraining image, both of the same crop.");

/** One view, used to train the tokenizer and the linear probe. */
export const cropAugmentSection = z.strictObject({
  size: size.describe("Height and width of the view; default: `model.imageSize`."),
  cropScale: range.default([0.08, 1]).describe(
    "Share of the image's area that a random crop covers: [smallest, largest].",
  ),
  cropRatio,
  flip,
  jitter: z.strictObject({
    brightness: z.number().min(0).default(0).describe("Factor drawn from 1 ± this."),
    contrast: z.number().min(0).default(0).describe("Factor drawn from 1 ± this."),
    saturation: z.number().min(0).default(0).describe("Factor drawn from 1 ± this."),
  }).prefault({}).describe("Colour jitter; 0 means none."),
  normalization: normalization.default("imagenet").describe(
    "Mean and deviation used to normalise the view.",
  ),
  interpolation: interpolation.default("pil-bicubic").describe("Resize filter."),
}).describe("The training view: random crop and flip.");

const randAugment = z.strictObject({
  operations: z.int().min(0).max(most.operations).default(2).describe(
    "Operations drawn per image, with replacement.",
  ),
  magnitude: z.number().min(0).max(10).default(9).describe("Strength, of 10."),
  magnitudeDeviation: z.number().min(0).default(0.5).describe("Deviation of the strength."),
  probability: z.number().min(0).max(1).default(0.5).describe(
    "Probability of each drawn operation.",
  ),
}).describe("RandAugment with timm's increasing operations.");

const randomErasing = z.strictObject({
  probability: z.number().min(0).max(1).default(0.25).describe(
    "Probability that an image loses a box.",
  ),
  area: range.default([0.02, 1 / 3]).describe("Share of the image's area: [smallest, largest]."),
  aspect: range.default([0.3, 1 / 0.3]).describe("Height ÷ width: [smallest, largest]."),
  variant: z.enum(["mmselfsup", "unilm"]).default("unilm").describe(
    "unilm fills with N(0, 1) after normalisation, mmselfsup with ImageNet's mean and " +
      "deviation before it.",
  ),
}).describe("Random erasing, pixel by pixel.");

const mixing = z.strictObject({
  mixup: z.number().min(0).max(most.factor).default(0.8).describe(
    "α of mixup's Beta(α, α); 0 turns it off.",
  ),
  cutmix: z.number().min(0).max(most.factor).default(1).describe(
    "α of CutMix's Beta(α, α); 0 turns it off.",
  ),
  switchProbability: z.number().min(0).max(1).default(0.5).describe(
    "Probability of CutMix if both are on; each batch uses exactly one.",
  ),
  pairing: z.enum(["flip", "permutation"]).default("flip").describe(
    "Which image is mixed in: the one from the reversed batch (unilm) or a random one (mmselfsup).",
  ),
}).describe("Mixup and CutMix.");

/** Tokenizer crops that repeat, for a cache of the teacher's features. */
export const cropsPerImage = z.int().min(1).max(most.count).nullable().default(null).describe(
  "Number of different crops per image, which repeat epoch by epoch: with `teacher.cache.directory`, " +
    "the teacher sees each of them once; null: a new crop in every epoch.",
);

/** Fine-tuning: crop, RandAugment, erasing, mixing, and the test transform. */
export const finetuneAugmentSection = cropAugmentSection.extend({
  randAugment: randAugment.nullable().prefault({}).describe(
    "RandAugment with timm's increasing operations; null turns it off.",
  ),
  randomErasing: randomErasing.nullable().prefault({}).describe(
    "Random erasing, pixel by pixel; null turns it off.",
  ),
  mixing: mixing.nullable().prefault({}).describe("Mixup and CutMix; null turns both off."),
  labelSmoothing: z.number().min(0).max(1).default(0.1).describe(
    "Share of each target spread over all classes.",
  ),
  testResize: z.int().min(4).max(most.pixels).default(256).describe(
    "Shorter edge that a test image is resized to before the centre crop of `size`; default: " +
      "256 / 224 of it.",
  ),
}).describe("The training view of fine-tuning and the test transform.");

/** Block-wise masks. */
export const maskSection = z.strictObject({
  variant: z.enum(["mmselfsup", "unilm"]).default("unilm").describe(
    "unilm fills up with random patches if no block fits in 10 tries; mmselfsup keeps trying.",
  ),
  ratio: z.number().positive().lt(1).nullable().default(null).describe(
    "Share of patches that are masked, rounded down; an alternative to `maskedPatches`.",
  ),
  maskedPatches: z.int().min(1).max(most.pixels ** 2).default(75).describe(
    "Number of masked patches; default: 40 % of the grid (BEiT v2: 75 of 196).",
  ),
  minBlock: z.int().min(1).max(most.pixels ** 2).default(16).describe(
    "Smallest target area of a block, in patches.",
  ),
  maxBlock: z.int().min(1).max(most.pixels ** 2).default(75).describe(
    "Largest area of a block, in patches; default: `maskedPatches`.",
  ),
  aspect: range.default([0.3, 1 / 0.3]).describe("Height ÷ width of a block."),
}).describe("Block-wise masks on the patch grid.");

/** The images of a run, resolved. */
export type DataConfig = z.output<typeof dataSection>;
/** A view of pretraining's crop, resolved. */
export type TwoViewAugment = z.output<typeof twoViewAugmentSection>;
/** One random view, resolved. */
export type CropAugment = z.output<typeof cropAugmentSection>;
/** The views of fine-tuning, resolved. */
export type FinetuneAugment = z.output<typeof finetuneAugmentSection>;
/** Block-wise masks, resolved. */
export type MaskConfig = z.output<typeof maskSection>;
/** A resize filter by its name in configs. */
export type InterpolationName = z.output<typeof interpolation>;
