/**
 * Colour jitter with the arithmetic of Pillow's `ImageEnhance` (which torchvision and mmcv's pillow
 * backend call): blends in float32, truncated to 8 bits after every operation.
 *
 * `jitterCrop` returns the crop of the jittered image without jittering what lies outside: only the
 * contrast needs the whole image, for its mean.
 *
 * @module
 */
import type { Draws } from "../../core/generator.ts";
import { blend, gray } from "./blend.ts";
import { shiftHue } from "./hue.ts";
import { pixelLoops, PixelMemory } from "../images/pixels.ts";
import { crop, type CropBox, requireInside, type RgbImage } from "../images/image.ts";

/** One adjustment: a factor of 1 means no change (for `hue`: 0, a shift in turns, −0.5 … 0.5). */
export interface JitterOperation {
  /** What is adjusted. */
  readonly kind: "brightness" | "contrast" | "saturation" | "hue";
  /** By how much. */
  readonly factor: number;
}

/** How far each factor may vary: brightness 0.4 draws from [0.6, 1.4]. 0 disables an adjustment. */
export interface JitterStrength {
  /** Range of the brightness factor. */
  readonly brightness: number;
  /** Range of the contrast factor. */
  readonly contrast: number;
  /** Range of the saturation factor. */
  readonly saturation: number;
  /** Largest hue shift, in turns, at most 0.5. */
  readonly hue: number;
}

const kinds = ["brightness", "contrast", "saturation", "hue"] as const;

/**
 * Draws the operations for one image: their order (a permutation) and a factor for each enabled one
 * (torchvision `ColorJitter.get_params`).
 */
export function drawJitter(draws: Draws, strength: JitterStrength): JitterOperation[] {
  const order = [...kinds];
  for (let i = order.length - 1; i > 0; i--) {
    const j = draws.integer(0, i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  const operations: JitterOperation[] = [];
  for (const kind of order) {
    const amount = strength[kind];
    if (amount <= 0) continue;
    const factor = kind === "hue"
      ? draws.uniform(-amount, amount)
      : draws.uniform(Math.max(0, 1 - amount), 1 + amount);
    operations.push({ kind, factor });
  }
  return operations;
}

/** Mean of the greyscale image, rounded as in `ImageEnhance.Contrast`. */
function grayMean(bytes: Uint8Array, at: number, pixels: number): number {
  const { graySum } = pixelLoops();
  const block = 1 << 20;
  const even = pixels - pixels % 4;
  let sum = 0;
  for (let done = 0; done < even; done += block) {
    sum += graySum(at + done * 3, Math.min(block, even - done));
  }
  for (let i = at + even * 3; i < at + pixels * 3; i += 3) {
    sum += gray(bytes[i], bytes[i + 1], bytes[i + 2]);
  }
  return Math.trunc(sum / pixels + 0.5);
}

/** Applies operations in place to `pixels` pixels in the loops' memory. */
function applyOperations(
  bytes: Uint8Array,
  at: number,
  pixels: number,
  operations: readonly JitterOperation[],
  mean: number,
): void {
  const { blend, saturate } = pixelLoops();
  for (const { kind, factor } of operations) {
    if (kind === "saturation") saturate(at, pixels, factor);
    else if (kind === "hue") shiftHue(bytes.subarray(at, at + pixels * 3), pixels, factor);
    else blend(at, pixels * 3, kind === "contrast" ? mean : 0, factor);
  }
}

/** Copies the rows of `box` from an image at `from` to `to`, mirrored if requested. */
function copyBox(
  bytes: Uint8Array,
  from: number,
  to: number,
  { box, width, isMirrored }: { box: CropBox; width: number; isMirrored: boolean },
): void {
  const { mirror } = pixelLoops();
  for (let y = 0; y < box.height; y++) {
    const start = from + ((box.top + y) * width + box.left) * 3;
    const target = to + y * box.width * 3;
    if (isMirrored) mirror(start, target, box.width);
    else bytes.copyWithin(target, start, start + box.width * 3);
  }
}

/**
 * The pixels of `box` after applying `operations` to the whole image, mirrored left to right if
 * `mirrored` (the box refers to the image before mirroring).
 *
 * @example Brightness 2 doubles and clips
 * ```ts
 * import { jitterCrop } from "./color_jitter.ts";
 * const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 100, 150, 200) };
 * const box = { top: 0, left: 1, width: 1, height: 1 };
 * const bright = jitterCrop(image, box, [{ kind: "brightness", factor: 2 }]);
 * if (bright.data.join() !== "200,255,255") throw new Error(bright.data.join());
 * ```
 */
export function jitterCrop(
  image: RgbImage,
  box: CropBox,
  operations: readonly JitterOperation[],
  mirrored = false,
): RgbImage {
  if (operations.length === 0) return crop(image, box, mirrored);
  requireInside(box, image);
  const whole = image.width * image.height;
  const part = box.width * box.height;
  const area = new PixelMemory();
  const from = area.reserve(whole * 3);
  const to = area.reserve(part * 3);
  const bytes = area.bytes();
  bytes.set(image.data, from);
  // The contrast needs the mean of the whole image after all previous operations.
  const contrast = operations.findIndex((operation) => operation.kind === "contrast");
  let mean = 0;
  if (contrast >= 0) {
    applyOperations(bytes, from, whole, operations.slice(0, contrast), 0);
    mean = grayMean(bytes, from, whole);
  }
  copyBox(bytes, from, to, { box, width: image.width, isMirrored: mirrored });
  applyOperations(bytes, to, part, operations.slice(Math.max(0, contrast)), mean);
  return { width: box.width, height: box.height, data: bytes.slice(to, to + part * 3) };
}

/** The whole image after one operation, as `ImageEnhance` or torchvision's `adjust_*` compute it. */
export function adjust(image: RgbImage, operation: JitterOperation): RgbImage {
  const box = { top: 0, left: 0, width: image.width, height: image.height };
  return jitterCrop(image, box, [operation]);
}

/** Pillow's `Image.blend` of two images of the same size: `from + factor · (to − from)`. */
export function blendImages(from: RgbImage, to: RgbImage, factor: number): RgbImage {
  const data = new Uint8Array(to.data.length);
  const alpha = Math.fround(factor);
  for (let i = 0; i < data.length; i++) data[i] = blend(from.data[i], to.data[i], alpha);
  return { width: to.width, height: to.height, data };
}
