/**
 * What happens to a decoded image before it becomes part of a batch. The descriptions are plain data, so that
 * they can be sent to workers.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import type { Generator } from "../../core/generator.ts";
import { defaultMaxPixels } from "../images/pixel_limit.ts";
import { drawJitter, jitterCrop, type JitterStrength } from "./color_jitter.ts";
import { crop, type RgbImage } from "../images/image.ts";
import type { LabelMap } from "../sources/label_map.ts";
import { randAugment, type RandAugmentOptions } from "./rand_augment.ts";
import { centreBox, randomCropBox, shortEdgeSize } from "./random_crop.ts";
import { eraseRandomly, type RandomErasingOptions } from "./random_erasing.ts";
import { type Interpolation, resize } from "../images/resize.ts";
import { annotatedView, type SegmentationTransform } from "./segmentation_transform.ts";

/** Random views for training: pretraining, tokenizer training, fine-tuning. */
export interface TrainTransform {
  /** Distinguishes it from the test transform. */
  readonly kind: "train";
  /** Side of the (student's) view in pixels. */
  readonly size: number;
  /** Smallest and largest share of the image's area in the crop. */
  readonly scale: readonly [number, number];
  /** Smallest and largest width ÷ height of the crop; default: [3/4, 4/3]. */
  readonly ratio?: readonly [number, number];
  /** Default: `bicubic`; `area` is what mmselfsup computes. */
  readonly interpolation?: Interpolation;
  /** Probability of a mirrored view; default: 0.5. */
  readonly flip?: number;
  /** Colour jitter; default: none. */
  readonly jitter?: JitterStrength;
  /** Side of the tokenizer's view of the same crop; default: the student's. */
  readonly tokenizerSize?: number;
  /** Interpolation of the tokenizer's view; default: the student's. */
  readonly tokenizerInterpolation?: Interpolation;
  /** RandAugment on the view (fine-tuning); default: none. */
  readonly randAugment?: RandAugmentOptions;
  /** Random erasing on the view (fine-tuning); default: none. */
  readonly erasing?: RandomErasingOptions;
}

/** The single view for evaluation: short edge to `edge`, then the central square of `size`. */
export interface TestTransform {
  /** Distinguishes it from a train transform. */
  readonly kind: "test";
  /** Side of the view in pixels. */
  readonly size: number;
  /** Length of the short edge before the crop; default: size × 256 ÷ 224. */
  readonly edge?: number;
  /** Default: `bicubic`. */
  readonly interpolation?: Interpolation;
  /** Both sides to `edge`, whatever their ratio; default: only the short one. */
  readonly squashes?: boolean;
}

/** A transform by description. */
export type Transform = TrainTransform | TestTransform | SegmentationTransform;

/** The views of one image; the same object twice if both are equal. */
export interface Views {
  /** What the student (or classifier) sees. */
  readonly student: RgbImage;
  /** What the tokenizer sees. */
  readonly tokenizer: RgbImage;
  /** The class of each of the view's pixels (segmentation). */
  readonly labels?: LabelMap;
}

/** Side of the tokenizer's view. */
export function tokenizerSizeOf(transform: Transform): number {
  return transform.kind === "train" ? transform.tokenizerSize ?? transform.size : transform.size;
}

/** Whether the tokenizer sees exactly the student's pixels, so that one resize is enough. */
export function hasEqualViews(transform: Transform): boolean {
  if (transform.kind !== "train") return true;
  const { size, tokenizerSize = size, interpolation = "bicubic" } = transform;
  const { tokenizerInterpolation = interpolation } = transform;
  return tokenizerSize === size && tokenizerInterpolation === interpolation;
}

function trainViews(image: RgbImage, transform: TrainTransform, generator: Generator): Views {
  const { size, interpolation = "bicubic", flip = 0.5, jitter } = transform;
  const operations = jitter === undefined ? [] : drawJitter(generator, jitter);
  const isMirrored = generator.uniform(0, 1) < flip;
  const drawn = randomCropBox(generator, {
    width: image.width,
    height: image.height,
    scale: transform.scale,
    ...(transform.ratio === undefined ? {} : { ratio: transform.ratio }),
  });
  // The reference mirrors before it crops: the box refers to the mirrored image.
  const left = isMirrored ? image.width - drawn.left - drawn.width : drawn.left;
  const part = jitterCrop(image, { ...drawn, left }, operations, isMirrored);
  let student = resize(part, { width: size, height: size, interpolation });
  const { randAugment: policy, erasing } = transform;
  if (policy !== undefined) student = randAugment(student, generator.split("randaugment"), policy);
  if (erasing !== undefined) student = eraseRandomly(student, generator.split("erasing"), erasing);
  if (hasEqualViews(transform)) return { student, tokenizer: student };
  const { tokenizerSize = size, tokenizerInterpolation = interpolation } = transform;
  const options = {
    width: tokenizerSize,
    height: tokenizerSize,
    interpolation: tokenizerInterpolation,
  };
  return { student, tokenizer: resize(part, options) };
}

function testView(image: RgbImage, transform: TestTransform): RgbImage {
  const { size, interpolation = "bicubic" } = transform;
  const edge = transform.edge ?? Math.round(size * 256 / 224);
  const wanted = transform.squashes
    ? { width: edge, height: edge }
    : shortEdgeSize(image.width, image.height, edge);
  if (wanted.width * wanted.height > defaultMaxPixels) {
    throw new UserError(
      `resized to a shorter edge of ${edge} it has ${wanted.width} × ${wanted.height} pixels`,
    );
  }
  const whole = resize(image, { ...wanted, interpolation });
  return crop(whole, centreBox(whole.width, whole.height, size));
}

/**
 * The views of an image.
 *
 * @param generator for this sample in this epoch; not used by the test transform
 * @param labels the image's label map, needed by the segmentation transform
 *
 * @example
 * ```ts
 * import { Generator } from "../../core/generator.ts";
 * import { transformImage } from "./transform.ts";
 * const image = { width: 40, height: 30, data: new Uint8Array(3600).fill(9) };
 * const { student, tokenizer } = transformImage(
 *   image,
 *   { kind: "train", size: 32, scale: [0.2, 1], tokenizerSize: 16 },
 *   Generator.from(1).split("augment", 0, 0),
 * );
 * if (student.width !== 32 || tokenizer.width !== 16) throw new Error();
 * ```
 */
export function transformImage(
  image: RgbImage,
  transform: Transform,
  generator: Generator,
  labels?: LabelMap,
): Views {
  if (transform.kind === "train") return trainViews(image, transform, generator);
  if (transform.kind === "segmentation") {
    if (labels === undefined) throw new Error("Cannot make a view of segmentation: no label map");
    const { image: student, labels: own } = annotatedView(image, labels, transform, generator);
    return { student, tokenizer: student, labels: own };
  }
  const view = testView(image, transform);
  return { student: view, tokenizer: view };
}
