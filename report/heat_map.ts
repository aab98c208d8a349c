/**
 * Numbers on a patch grid as colours, alone or over the image they belong to.
 *
 * @module
 */

import type { RgbPicture } from "./png.ts";

type Rgb = readonly [number, number, number];

/** From dark violet through green to yellow: equal steps in brightness, distinguishable without red. */
const anchors: readonly Rgb[] = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];

/** The colour of a value in [0, 1]; values outside are clamped. */
export function heatColor(value: number): Rgb {
  const place = Math.min(1, Math.max(0, value)) * (anchors.length - 1);
  const index = Math.min(anchors.length - 2, Math.floor(place));
  const share = place - index;
  const mix = (channel: number) =>
    Math.round((1 - share) * anchors[index][channel] + share * anchors[index + 1][channel]);
  return [mix(0), mix(1), mix(2)];
}

/** Values scaled to [0, 1]; 0 if all are the same. */
export function stretched(values: ArrayLike<number>): Float32Array {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    least = Math.min(least, values[i]);
    most = Math.max(most, values[i]);
  }
  const range = most - least;
  return Float32Array.from(values, (value) => range > 0 ? (value - least) / range : 0);
}

/** A value interpolated between the patches' centres, at a position in [0, 1) along each side. */
function between(values: Float32Array, grid: number, x: number, y: number): number {
  const at = (place: number) => {
    const middle = Math.min(grid - 1, Math.max(0, place * grid - 0.5));
    const first = Math.min(Math.max(0, grid - 2), Math.floor(middle));
    return [first, Math.min(grid - 1, first + 1), middle - first] as const;
  };
  const [left, right, u] = at(x);
  const [top, bottom, v] = at(y);
  const row = (y: number) => (1 - u) * values[y * grid + left] + u * values[y * grid + right];
  return (1 - v) * row(top) + v * row(bottom);
}

/**
 * Patch values as a picture of `side` px, without visible patch edges.
 *
 * @param values one for each channel that `color` takes, [grid · grid] each, row by row
 */
export function smoothMap(
  side: number,
  grid: number,
  values: readonly Float32Array[],
  color: (values: readonly number[]) => Rgb,
): RgbPicture {
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [u, v] = [(x + 0.5) / side, (y + 0.5) / side];
      data.set(color(values.map((channel) => between(channel, grid, u, v))), (y * side + x) * 3);
    }
  }
  return { width: side, height: side, data };
}

/**
 * A greyscale image overlaid with the colours of its patches' values, from the smallest (violet) to the largest
 * (yellow).
 *
 * @param values [grid · grid], row by row
 *
 * @example
 * ```ts
 * import { overHeat } from "./heat_map.ts";
 * const picture = { width: 4, height: 4, data: new Uint8Array(48).fill(128) };
 * const { data } = overHeat(picture, 2, [0, 0, 0, 1]);
 * // Violet above on the left, yellow below on the right.
 * if (!(data[2] > data[1] && data[45] > data[47])) throw new Error();
 * ```
 */
export function overHeat(picture: RgbPicture, grid: number, values: ArrayLike<number>): RgbPicture {
  const { width, height, data } = picture;
  const heat = stretched(values);
  const over = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const light = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
      const color = heatColor(between(heat, grid, (x + 0.5) / width, (y + 0.5) / height));
      for (let c = 0; c < 3; c++) over[at + c] = Math.round(0.35 * light + 0.65 * color[c]);
    }
  }
  return { width, height, data: over };
}
