/**
 * The training view for segmentation: image and label map go through the same resize, crop and
 * flip.
 *
 * @module
 */
import type { Generator } from "../../core/generator.ts";
import { crop, type CropBox, type RgbImage } from "../images/image.ts";
import {
  cropLabels,
  ignoredLabel,
  type LabelMap,
  largestShare,
  resizeLabels,
} from "../sources/label_map.ts";
import { distortColors } from "./photometric_distortion.ts";
import { resize } from "../images/resize.ts";

export { ignoredLabel };

/** mmsegmentation's training pipeline, as plain data. */
export interface SegmentationTransform {
  /** Distinguishes it from the other transforms. */
  readonly kind: "segmentation";
  /** Side of the view in pixels. */
  readonly size: number;
  /** Longest and shortest edge that an image is fitted to … */
  readonly edges: readonly [number, number];
  /** … times a factor drawn from this range. */
  readonly ratio: readonly [number, number];
  /** Largest share of one class in a crop; if exceeded, it is drawn again, at most ten times. */
  readonly maxClassShare: number;
  /** Probability of a mirrored view. */
  readonly flip: number;
  /** Whether colours are distorted. */
  readonly isDistorted: boolean;
  /** Whether label 0 is ignored and the others are shifted down by one. */
  readonly isReduced: boolean;
  /** Colour of the padding around the image: the mean, 0 after normalisation. */
  readonly fill: readonly [number, number, number];
}

/** A view with the class of each of its pixels. */
export interface AnnotatedView {
  readonly image: RgbImage;
  readonly labels: LabelMap;
}

/**
 * The size of an image fitted to a longest and a shortest edge (mmcv's `rescale_size`).
 *
 * @example
 * ```ts
 * import { fittedSize } from "./segmentation_transform.ts";
 * const { width, height } = fittedSize(683, 512, [2048, 256]);
 * if (width !== 342 || height !== 256) throw new Error(`${width} × ${height}`);
 * ```
 */
export function fittedSize(
  width: number,
  height: number,
  [long, short]: readonly [number, number],
): { width: number; height: number } {
  const factor = Math.min(
    long / Math.max(width, height),
    short / Math.min(width, height),
  );
  const scaled = (length: number) => Math.max(1, Math.floor(length * factor + 0.5));
  return { width: scaled(width), height: scaled(height) };
}

/** An image padded with `fill` on the right and below, at least `width` × `height`. */
export function padImage(
  image: RgbImage,
  width: number,
  height: number,
  fill: readonly [number, number, number],
): RgbImage {
  const size = { width: Math.max(width, image.width), height: Math.max(height, image.height) };
  if (size.width === image.width && size.height === image.height) return image;
  const data = new Uint8Array(size.width * size.height * 3);
  for (let i = 0; i < data.length; i += 3) data.set(fill, i);
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    data.set(row, y * size.width * 3);
  }
  return { ...size, data };
}

function drawBox(
  generator: Generator,
  labels: LabelMap,
  { size, maxClassShare }: SegmentationTransform,
): CropBox {
  const draw = (): CropBox => {
    const top = generator.integer(0, Math.max(0, labels.height - size));
    const left = generator.integer(0, Math.max(0, labels.width - size));
    return { top, left, width: size, height: size };
  };
  let box = draw();
  if (maxClassShare >= 1) return box;
  for (let attempt = 0; attempt < 10; attempt++) {
    if (largestShare(labels, box) < maxClassShare) break;
    box = draw();
  }
  return box;
}

/**
 * One training view: resize by a random ratio, random crop without too much of one class, flip, photometric
 * distortion, padding. Images are resized as in Pillow (bilinear), labels by nearest neighbour.
 */
export function annotatedView(
  image: RgbImage,
  labels: LabelMap,
  transform: SegmentationTransform,
  generator: Generator,
): AnnotatedView {
  const { size, edges, ratio, fill } = transform;
  const factor = generator.uniform(ratio[0], ratio[1]);
  const limits = [Math.trunc(edges[0] * factor), Math.trunc(edges[1] * factor)] as const;
  const fitted = fittedSize(image.width, image.height, limits);
  const resized = resize(image, { ...fitted, interpolation: "bilinear" });
  const map = resizeLabels(labels, fitted.width, fitted.height);
  const box = drawBox(generator, map, transform);
  const isMirrored = generator.uniform(0, 1) < transform.flip;
  const inside = {
    ...box,
    width: Math.min(size, fitted.width),
    height: Math.min(size, fitted.height),
  };
  let part = crop(resized, inside, isMirrored);
  if (transform.isDistorted) part = distortColors(part, generator.split("distortion"));
  const view = cropLabels(map, inside, isMirrored);
  return {
    image: padImage(part, size, size, fill),
    labels: cropLabels(view, { top: 0, left: 0, width: size, height: size }),
  };
}
