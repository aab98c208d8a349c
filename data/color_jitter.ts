/**
 * Colour jitter with the arithmetic of Pillow's `ImageEnhance` (which torchvision and mmcv's pillow
 * backend call): blends in float32, truncated to 8 bits after every operation.
 *
 * `jitterCrop` gives the crop of the jittered picture without jittering what the crop leaves out:
 * only the contrast needs the whole picture, for its mean.
 *
 * @module
 */
import type { Draws } from "../core/generator.ts";
import { blend, blendTable, composeTables, graySum, saturate } from "./_blend.ts";
import { shiftHue } from "./_hue.ts";
import { crop, type CropBox, type RgbImage, writeMirrored } from "./image.ts";

/** One adjustment: its factor is 1 for no change (for `hue` 0: a shift in turns, −0.5 … 0.5). */
export interface JitterOperation {
  readonly kind: "brightness" | "contrast" | "saturation" | "hue";
  readonly factor: number;
}

/** How far each factor may go: brightness 0.4 draws from [0.6, 1.4]. 0 switches one off. */
export interface JitterStrength {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Largest shift of the hue, in turns, at most 0.5. */
  readonly hue: number;
}

const kinds = ["brightness", "contrast", "saturation", "hue"] as const;

/**
 * Draws the operations of one picture: their order (a permutation) and a factor for each that is
 * switched on (torchvision `ColorJitter.get_params`).
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

/** Applies one operation to `count` pixels in place. */
type RowOperation = (row: Uint8Array, count: number) => void;

function tableOperation(table: Uint8Array): RowOperation {
  return (row, count) => {
    for (let i = 0; i < count * 3; i++) row[i] = table[row[i]];
  };
}

/** Mean of the grey picture after `operations`, rounded as `ImageEnhance.Contrast` does. */
function meanAfter(image: RgbImage, operations: RowOperation[], scratch: Uint8Array): number {
  const rowBytes = image.width * 3;
  let sum = 0;
  for (let y = 0; y < image.height; y++) {
    let row = image.data.subarray(y * rowBytes, (y + 1) * rowBytes);
    if (operations.length > 0) {
      scratch.set(row);
      row = scratch;
      for (const operation of operations) operation(row, image.width);
    }
    sum += graySum(row, image.width);
  }
  return Math.trunc(sum / (image.width * image.height) + 0.5);
}

/** Turns operations into loops over rows; neighbouring table look-ups become one. */
function compile(image: RgbImage, operations: readonly JitterOperation[]): RowOperation[] {
  const compiled: RowOperation[] = [];
  const scratch = new Uint8Array(image.width * 3);
  let pending: Uint8Array | undefined;
  const flush = () => {
    if (pending !== undefined) compiled.push(tableOperation(pending));
    pending = undefined;
  };
  for (const { kind, factor } of operations) {
    if (kind === "brightness" || kind === "contrast") {
      let degenerate = 0;
      if (kind === "contrast") {
        const before = pending === undefined ? compiled : [...compiled, tableOperation(pending)];
        degenerate = meanAfter(image, before, scratch);
      }
      const table = blendTable(degenerate, factor);
      pending = pending === undefined ? table : composeTables(pending, table);
    } else {
      flush();
      compiled.push(
        kind === "hue"
          ? (row, count) => shiftHue(row, count, factor)
          : (row, count) => saturate(row, count, factor),
      );
    }
  }
  flush();
  return compiled;
}

/**
 * The pixels of `box` after the whole picture went through `operations`, mirrored left to right if
 * `mirrored` (the box counts in the picture that is not mirrored).
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
  const rows = compile(image, operations);
  if (rows.length === 0) return crop(image, box, mirrored);
  const { width, height } = box;
  const data = new Uint8Array(width * height * 3);
  const scratch = new Uint8Array(width * 3);
  for (let y = 0; y < height; y++) {
    const start = ((box.top + y) * image.width + box.left) * 3;
    scratch.set(image.data.subarray(start, start + width * 3));
    for (const operation of rows) operation(scratch, width);
    if (mirrored) writeMirrored(scratch, data, y * width * 3, width);
    else data.set(scratch, y * width * 3);
  }
  return { width, height, data };
}

/** The whole picture after one operation, as `ImageEnhance` or torchvision's `adjust_*` give it. */
export function adjust(image: RgbImage, operation: JitterOperation): RgbImage {
  const box = { top: 0, left: 0, width: image.width, height: image.height };
  return jitterCrop(image, box, [operation]);
}

/** Pillow's `Image.blend` of two pictures of one size: `from + factor · (to − from)`. */
export function blendImages(from: RgbImage, to: RgbImage, factor: number): RgbImage {
  const data = new Uint8Array(to.data.length);
  const alpha = Math.fround(factor);
  for (let i = 0; i < data.length; i++) data[i] = blend(from.data[i], to.data[i], alpha);
  return { width: to.width, height: to.height, data };
}
