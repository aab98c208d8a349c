/**
 * From bytes to the numbers that models take.
 *
 * @module
 */

/** Mean and standard deviation by channel, in units of a byte (0 … 255). */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** ImageNet's statistics, which the student's view is normalised with (mmselfsup's constants). */
export const imagenetNormalization: Normalization = {
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
};

/** To [−1, 1], which the tokenizer's view is mapped to ("inception" normalisation). */
export const halfNormalization: Normalization = {
  mean: [127.5, 127.5, 127.5],
  std: [127.5, 127.5, 127.5],
};

/** To [0, 1], as torchvision's `ToTensor`. */
export const unitNormalization: Normalization = { mean: [0, 0, 0], std: [255, 255, 255] };

/**
 * Bytes [B, S, S, 3] to float32 [B, 3, S, S]: (byte − mean) ÷ std by channel.
 *
 * @param mean and `std` by channel, in units of a byte
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
  const tables = mean.map((value, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => Math.fround(byte - value) / std[channel])
  );
  const [red, green, blue] = tables;
  const result = new Float32Array(pixels.length);
  let from = 0;
  for (let image = 0; image < batch; image++) {
    let to = image * area * 3;
    for (let i = 0; i < area; i++, from += 3, to++) {
      result[to] = red[pixels[from]];
      result[to + area] = green[pixels[from + 1]];
      result[to + 2 * area] = blue[pixels[from + 2]];
    }
  }
  return result;
}
