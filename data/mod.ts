/**
 * Images for training: sources, decoding, transforms, masks and the loader that makes batches.
 *
 * ```text
 * openSource ─▶ SampleOrder ─▶ decode ─▶ transformImage ─▶ blockwiseMask ─▶ LoadedBatch
 *   files        seed, epoch    └────────── workers, ahead of the step ─────┘
 * ```
 *
 * - {@link openSource} reads folders, ImageNet lists, tar and WebDataset shards, zip, and URLs.
 * - {@link Loader} makes batches: the same for any number of workers, resumable at any step, divided among
 *   ranks without changing the set of samples.
 * - {@link resize} and {@link jitterCrop} match Pillow bit for bit; {@link augmentOnce} matches timm's
 *   RandAugment operations and follows mmcls'.
 *
 * @module
 */
export type { CropBox, RgbImage } from "./images/image.ts";
export type { SampleLocation, Source, SourceEntry } from "./sources/source.ts";
export { openSource } from "./sources/open_source.ts";
export type { SourceOptions } from "./sources/source_options.ts";
export type { LabelRule } from "./sources/layout.ts";
export { createImageDecoder, type ImageDecoder } from "./images/decode.ts";
export type { DecodeOptions } from "./images/format_decoder.ts";
export { type Interpolation, resize, type ResizeOptions } from "./images/resize.ts";
export {
  adjust,
  blendImages,
  drawJitter,
  jitterCrop,
  type JitterOperation,
  type JitterStrength,
} from "./augment/color_jitter.ts";
export {
  centreBox,
  randomCropBox,
  type RandomCropOptions,
  shortEdgeSize,
} from "./augment/random_crop.ts";
export {
  halfNormalization,
  imagenetNormalization,
  type Normalization,
  normalizeToTensorData,
  unitNormalization,
} from "./images/normalize.ts";
export {
  hasEqualViews,
  type TestTransform,
  tokenizerSizeOf,
  type TrainTransform,
  type Transform,
  transformImage,
  type Views,
} from "./augment/transform.ts";
export {
  type AugmentKind,
  augmentOnce,
  type AugmentStyle,
  randAugment,
  type RandAugmentOptions,
} from "./augment/rand_augment.ts";
export {
  drawErasedBox,
  eraseRandomly,
  type RandomErasingOptions,
} from "./augment/random_erasing.ts";
export {
  cutmixBox,
  drawBeta,
  drawMix,
  type MixDraw,
  mixImages,
  type MixOptions,
  softLabels,
} from "./augment/mix.ts";
export { type BlockMaskOptions, blockwiseMask } from "./augment/mask.ts";
export {
  type MicroBatch,
  microBatchesOf,
  rankShare,
  SampleOrder,
  type SampleOrderOptions,
  StepPlan,
  type StepPlanOptions,
  type StepPosition,
} from "./loader/sampler.ts";
export { DecodeCache, type DecodeCacheMemory } from "./loader/decode_cache.ts";
export { BatchMaker, type FileAt, type KnownFiles } from "./loader/batch_maker.ts";
export { type LoadedBatch, Loader, type LoaderOptions, type SkippedFile } from "./loader/loader.ts";
export type { BatchMakerOptions, MadeBatch } from "./loader/loader_options.ts";
export type { SampleFile, StoredFile } from "./loader/sample_file.ts";
export type { SamplePlanOptions } from "./loader/sample_plan.ts";
