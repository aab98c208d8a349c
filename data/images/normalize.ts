/**
 * From bytes to the numbers that models take.
 *
 * @module
 */

import { pixelLoops, PixelMemory } from "./pixels.ts";

/** Mean and standard deviation per channel, in byte units (0 … 255). */
export interface Normalization {
  /** Subtracted. */
  readonly mean: readonly [number, number, number];
  /** Divided by. */
  readonly std: readonly [number, number, number];
}

/** ImageNet's statistics, used to normalise the student's view (mmselfsup's constants). */
export const imagenetNormalization: Normalization = {
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
};

/** To [−1, 1], used for the tokenizer's view ("inception" normalisation). */
export const halfNormalization: Normalization = {
  mean: [127.5, 127.5, 127.5],
  std: [127.5, 127.5, 127.5],
};

/** To [0, 1], like torchvision's `ToTensor`. */
export const unitNormalization: Normalization = { mean: [0, 0, 0], std: [255, 255, 255] };

/**
 * Bytes [B, S, S, 3] to float32 [B, 3, S, S]: (byte − mean) ÷ std per channel.
 *
 * @param mean and `std` per channel, in byte units
 *
 * @example
 * ```ts
 * import { halfNormalization, normalizeToTensorData } from "./normalize.ts";
 * const { mean, std } = halfNormalization;
 * const data = normalizeToTensorData(Uint8Array.of(0, 255, 0), 1, 1, mean, std);
 * if (data.join() !== "-1,1,-1") throw new Error(data.join());
 * ```
 */
export function normalizeToTensorData(
  pixels: Uint8Array,
  batch: number,
  size: number,
  mean: readonly number[],
  std: readonly number[],
): Float32Array {
  const area = size * size;
  if (pixels.length !== batch * area * 3) {
    throw new RangeError(
      `Cannot normalise: expected ${batch * area * 3} bytes for [${batch}, ${size}, ${size}, 3], ` +
        `found ${pixels.length}`,
    );
  }
  const result = new Float32Array(pixels.length);
  const memory = new PixelMemory();
  const from = memory.reserve(area * 3);
  const plane = Math.ceil(area / 4) * 16;
  const to = memory.reserve(plane * 3);
  const bytes = memory.bytes();
  const planes = new Float32Array(bytes.buffer, to, plane / 4 * 3);
  const { normalize } = pixelLoops();
  for (let image = 0; image < batch; image++) {
    const first = image * area * 3;
    bytes.set(pixels.subarray(first, first + area * 3), from);
    normalize(from, to, area, plane, mean[0], mean[1], mean[2], std[0], std[1], std[2]);
    for (let channel = 0; channel < 3; channel++) {
      const start = channel * plane / 4;
      result.set(planes.subarray(start, start + area), first + channel * area);
    }
  }
  return result;
}
