/**
 * RandAugment with timm's increasing magnitudes (`rand-m9-mstd0.5-inc1`; mmcls calls the policies
 * `timm_increasing`): 15 operations, each stronger with the magnitude.
 *
 * @module
 */
import type { Generator } from "../../core/generator.ts";
import * as opencv from "./opencv_ops.ts";
import * as pillow from "./pillow_ops.ts";
import {
  autoContrast,
  equalize,
  invert,
  posterize,
  solarize,
  solarizeAdd,
} from "./pointwise_ops.ts";
import type { RgbImage } from "../images/image.ts";

/**
 * An operation. Its amount means: `rotate` degrees (counter-clockwise for Pillow, clockwise for OpenCV, as in
 * the references), `posterize` bits kept, `solarize` threshold, `solarizeAdd` levels, `color`, `contrast`,
 * `brightness`, `sharpness` the factor less 1, `shear…` the slope, `translate…` the share of the side; none for
 * the others.
 */
export type AugmentKind =
  | "autoContrast"
  | "equalize"
  | "invert"
  | "rotate"
  | "posterize"
  | "solarize"
  | "solarizeAdd"
  | "color"
  | "contrast"
  | "brightness"
  | "sharpness"
  | "shearX"
  | "shearY"
  | "translateX"
  | "translateY";

/** Whose arithmetic an operation follows. */
export interface AugmentStyle {
  /** `pillow` as in timm and unilm, `opencv` as in mmcls. */
  readonly library: "pillow" | "opencv";
  /** The colour (RGB) of what is moved in from outside. */
  readonly fill: readonly [number, number, number];
}

/** Amount at magnitude 0 and at magnitude 10, and whether the sign is drawn. */
const ranges: Record<AugmentKind, readonly [from: number, to: number, isSigned: boolean]> = {
  autoContrast: [0, 0, false],
  equalize: [0, 0, false],
  invert: [0, 0, false],
  rotate: [0, 30, true],
  posterize: [4, 0, false],
  solarize: [256, 0, false],
  solarizeAdd: [0, 110, false],
  color: [0, 0.9, true],
  contrast: [0, 0.9, true],
  brightness: [0, 0.9, true],
  sharpness: [0, 0.9, true],
  shearX: [0, 0.3, true],
  shearY: [0, 0.3, true],
  translateX: [0, 0.45, true],
  translateY: [0, 0.45, true],
};

const kinds = Object.keys(ranges) as AugmentKind[];

/** The policy. */
export interface RandAugmentOptions {
  /** Operations per image, drawn with replacement; default: 2. */
  readonly count?: number;
  /** Mean magnitude out of 10; default: 9. */
  readonly magnitude?: number;
  /** Standard deviation of the magnitude; default: 0.5. */
  readonly deviation?: number;
  /** Probability that a drawn operation is applied; default: 0.5. */
  readonly probability?: number;
  /** Whose arithmetic; default: `pillow`. */
  readonly library?: AugmentStyle["library"];
  /** The colour of what is moved in; default: ImageNet's mean. */
  readonly fill?: AugmentStyle["fill"];
}

function affineMap(
  image: RgbImage,
  kind: AugmentKind,
  amount: number,
  library: AugmentStyle["library"],
): pillow.AffineMap {
  const sign = library === "opencv" ? -1 : 1;
  if (kind === "shearX") return [1, sign * amount, 0, 0, 1, 0];
  if (kind === "shearY") return [1, 0, 0, sign * amount, 1, 0];
  if (kind === "translateX") return [1, 0, sign * amount * image.width, 0, 1, 0];
  if (kind === "translateY") return [1, 0, 0, 0, 1, sign * amount * image.height];
  return (library === "opencv" ? opencv : pillow).rotationMap(image, amount);
}

function enhanced(image: RgbImage, kind: AugmentKind, factor: number, style: AugmentStyle) {
  const isOpencv = style.library === "opencv";
  switch (kind) {
    case "color":
      return isOpencv
        ? opencv.adjustColor(image, factor)
        : pillow.enhance(image, "saturation", factor);
    case "contrast":
      return isOpencv
        ? opencv.adjustContrast(image, factor)
        : pillow.enhance(image, "contrast", factor);
    case "brightness":
      return isOpencv
        ? opencv.adjustBrightness(image, factor)
        : pillow.enhance(image, "brightness", factor);
    default:
      return isOpencv ? opencv.adjustSharpness(image, factor) : pillow.sharpen(image, factor);
  }
}

/**
 * One operation with a given amount.
 *
 * @example
 * ```ts
 * import { augmentOnce } from "./rand_augment.ts";
 * const image = { width: 1, height: 1, data: Uint8Array.of(0, 100, 255) };
 * const style = { library: "pillow", fill: [124, 116, 104] } as const;
 * const { data } = augmentOnce(image, "invert", 0, style);
 * if (data.join() !== "255,155,0") throw new Error(data.join());
 * ```
 */
export function augmentOnce(
  image: RgbImage,
  kind: AugmentKind,
  amount: number,
  style: AugmentStyle,
): RgbImage {
  switch (kind) {
    case "autoContrast":
      return autoContrast(image);
    case "equalize":
      return equalize(image);
    case "invert":
      return invert(image);
    case "posterize":
      return posterize(image, amount);
    case "solarize":
      return solarize(image, amount);
    case "solarizeAdd":
      return solarizeAdd(image, amount);
    case "color":
    case "contrast":
    case "brightness":
    case "sharpness":
      return enhanced(image, kind, 1 + amount, style);
    default: {
      const map = affineMap(image, kind, amount, style.library);
      const apply = style.library === "opencv" ? opencv.warpAffine : pillow.transformAffine;
      return apply(image, map, style.fill);
    }
  }
}

/** Draws and applies the operations for one image. */
export function randAugment(
  image: RgbImage,
  generator: Generator,
  options: RandAugmentOptions = {},
): RgbImage {
  const { count = 2, magnitude = 9, deviation = 0.5, probability = 0.5 } = options;
  const style: AugmentStyle = {
    library: options.library ?? "pillow",
    fill: options.fill ?? [124, 116, 104],
  };
  let result = image;
  for (let i = 0; i < count; i++) {
    const kind = kinds[generator.integer(0, kinds.length - 1)];
    if (generator.uniform(0, 1) >= probability) continue;
    const level = Math.min(10, Math.max(0, generator.normal(magnitude, deviation))) / 10;
    const [from, to, isSigned] = ranges[kind];
    const sign = isSigned && generator.uniform(0, 1) < 0.5 ? -1 : 1;
    result = augmentOnce(result, kind, sign * (from + (to - from) * level), style);
  }
  return result;
}
