/**
 * Images for training: sources, decoding, transforms, masks and the loader that makes batches.
 *
 * ```text
 * openSource ─▶ SampleOrder ─▶ decode ─▶ transformImage ─▶ blockwiseMask ─▶ LoadedBatch
 *   files        seed, epoch    └────────── workers, ahead of the step ─────┘
 * ```
 *
 * - {@link openSource} reads folders, ImageNet lists, tar and webdataset shards, zip, and addresses.
 * - {@link Loader} makes batches: the same for any number of workers, resumable at any step, shared out
 *   to ranks without changing the set of samples.
 * - {@link resize} and {@link jitterCrop} equal Pillow bit for bit; {@link augmentOnce} equals timm's
 *   RandAugment operations and follows mmcls'.
 *
 * @module
 */
export type { CropBox, RgbImage } from "./image.ts";
export type { SampleLocation, Source, SourceEntry } from "./source.ts";
export { openSource, type SourceOptions } from "./open_source.ts";
export type { LabelRule } from "./_layout.ts";
export { createImageDecoder, type DecodeOptions, type ImageDecoder } from "./decode.ts";
export { type Interpolation, resize, type ResizeOptions } from "./resize.ts";
export {
  adjust,
  blendImages,
  drawJitter,
  jitterCrop,
  type JitterOperation,
  type JitterStrength,
} from "./color_jitter.ts";
export { centreBox, randomCropBox, type RandomCropOptions, shortEdgeSize } from "./random_crop.ts";
export {
  halfNormalization,
  imagenetNormalization,
  type Normalization,
  normalizeToTensorData,
  unitNormalization,
} from "./normalize.ts";
export {
  hasEqualViews,
  type TestTransform,
  tokenizerSizeOf,
  type TrainTransform,
  type Transform,
  transformImage,
  type Views,
} from "./transform.ts";
export {
  type AugmentKind,
  augmentOnce,
  type AugmentStyle,
  randAugment,
  type RandAugmentOptions,
} from "./rand_augment.ts";
export { drawErasedBox, eraseRandomly, type RandomErasingOptions } from "./random_erasing.ts";
export {
  cutmixBox,
  drawBeta,
  drawMix,
  type MixDraw,
  mixImages,
  type MixOptions,
  softLabels,
} from "./mix.ts";
export { type BlockMaskOptions, blockwiseMask } from "./mask.ts";
export {
  type MicroBatch,
  microBatchesOf,
  rankShare,
  SampleOrder,
  type SampleOrderOptions,
  StepPlan,
  type StepPlanOptions,
  type StepPosition,
} from "./sampler.ts";
export { DecodeCache, type DecodeCacheMemory } from "./decode_cache.ts";
export { type LoadedBatch, Loader, type LoaderOptions, type SkippedFile } from "./loader.ts";
