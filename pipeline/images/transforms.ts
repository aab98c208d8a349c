/**
 * From a config's `augment` and `mask` sections to what the data workers do.
 *
 * @module
 */

import type {
  CropAugment,
  FinetuneAugment,
  InterpolationName,
  MaskConfig,
  TwoViewAugment,
} from "../../configs/sections/data.ts";
import type { RunConfig } from "../../configs/task.ts";
import type { BlockMaskOptions } from "../../data/augment/mask.ts";
import type { Interpolation } from "../../data/images/resize.ts";
import type { TestTransform, TrainTransform } from "../../data/augment/transform.ts";
import { normalizations } from "./normalizations.ts";

/** The filters, by their names in configs. */
export const interpolations: Readonly<Record<InterpolationName, Interpolation>> = {
  "pil-bicubic": "bicubic",
  "pil-lanczos": "lanczos",
  "pil-bilinear": "bilinear",
  "cv2-area": "area",
};

/** The random views for training. */
export function trainTransform(augment: CropAugment): TrainTransform {
  const { brightness, contrast, saturation } = augment.jitter;
  const isJittered = brightness > 0 || contrast > 0 || saturation > 0;
  return {
    kind: "train",
    size: augment.size,
    scale: augment.cropScale,
    ratio: augment.cropRatio,
    flip: augment.flip,
    interpolation: interpolations[augment.interpolation],
    ...(isJittered ? { jitter: { brightness, contrast, saturation, hue: 0 } } : {}),
  };
}

/** The two views for pretraining. */
export function pretrainTransform(augment: TwoViewAugment): TrainTransform {
  return { ...trainTransform(augment), tokenizerSize: augment.tokenizerSize };
}

/** The random views for fine-tuning, with RandAugment and erasing on top. */
export function finetuneTransform(
  { augment, variant }: Pick<RunConfig, "variant"> & { readonly augment: FinetuneAugment },
): TrainTransform {
  const { randAugment, randomErasing, normalization } = augment;
  return {
    ...trainTransform(augment),
    ...(randAugment === null ? {} : {
      randAugment: {
        count: randAugment.operations,
        magnitude: randAugment.magnitude,
        deviation: randAugment.magnitudeDeviation,
        probability: randAugment.probability,
        // mmcls implements the operations with OpenCV, timm with Pillow.
        library: variant === "mmselfsup" ? "opencv" as const : "pillow" as const,
      },
    }),
    ...(randomErasing === null ? {} : {
      erasing: {
        probability: randomErasing.probability,
        area: randomErasing.area,
        aspect: randomErasing.aspect,
        ...(randomErasing.variant === "mmselfsup"
          ? { noise: normalizations.imagenet, rounding: "truncate" as const }
          : { noise: normalizations[normalization] }),
      },
    }),
  };
}

/** The single view that features are evaluated on. */
export function evaluationTransform(
  augment: { size: number; interpolation: InterpolationName },
): TestTransform {
  const { size } = augment;
  return { kind: "test", size, interpolation: interpolations[augment.interpolation] };
}

/** A config's masks on its patch grid. */
export function maskOptions({ mask, model }: {
  readonly mask: MaskConfig;
  readonly model: { readonly imageSize: number; readonly patchSize: number };
}): Omit<BlockMaskOptions, "choose"> {
  const side = model.imageSize / model.patchSize;
  return {
    height: side,
    width: side,
    count: mask.maskedPatches,
    minBlock: mask.minBlock,
    maxBlock: mask.maxBlock,
    minAspect: mask.aspect[0],
    maxAspect: mask.aspect[1],
    variant: mask.variant,
  };
}
