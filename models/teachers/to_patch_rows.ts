/**
 * Any model's features by place as one row per patch of ours.
 *
 * @module
 */

/**
 * The weights that resample `from` places to `to`, [to, from]: linear interpolation that averages
 * where it shrinks, as in Pillow and in PyTorch's `interpolate(mode="bilinear", antialias=True)`.
 */
export function resamplingWeights(from: number, to: number): Float64Array {
  const weights = new Float64Array(to * from);
  const scale = from / to;
  const reach = Math.max(scale, 1);
  for (let row = 0; row < to; row++) {
    const centre = (row + 0.5) * scale;
    let sum = 0;
    for (let column = 0; column < from; column++) {
      const weight = Math.max(0, 1 - Math.abs((column + 0.5 - centre) / reach));
      weights[row * from + column] = weight;
      sum += weight;
    }
    for (let column = 0; column < from; column++) weights[row * from + column] /= sum;
  }
  return weights;
}

/** Rows of a grid [from², C] → [to², C]. */
function resampleGrid(
  rows: Float32Array,
  from: number,
  to: number,
  dim: number,
  weights: Float64Array,
): Float32Array {
  if (from === to) return rows;
  // Vertically, then horizontally.
  const tall = new Float32Array(to * from * dim);
  const line = from * dim;
  for (let y = 0; y < to; y++) {
    for (let source = 0; source < from; source++) {
      const weight = weights[y * from + source];
      if (weight === 0) continue;
      for (let i = 0; i < line; i++) tall[y * line + i] += weight * rows[source * line + i];
    }
  }
  const result = new Float32Array(to * to * dim);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) {
      const place = (y * to + x) * dim;
      for (let source = 0; source < from; source++) {
        const weight = weights[x * from + source];
        if (weight === 0) continue;
        const start = y * line + source * dim;
        for (let i = 0; i < dim; i++) result[place + i] += weight * tall[start + i];
      }
    }
  }
  return result;
}

/** How features lie. */
export interface FeatureShape {
  readonly layout: "map" | "tokens";
  /** Places along a side. */
  readonly grid: number;
  readonly dim: number;
  /** Tokens before those of the places. */
  readonly prefix: number;
}

/**
 * Features of images, [B, C, H, W] or [B, N, C], as rows of a grid of patches.
 *
 * @param side patches along a side
 * @returns [B, side², C], row-major
 *
 * @example A map of 2 × 2 places, averaged
 * ```ts
 * import { toPatchRows } from "./to_patch_rows.ts";
 * const shape = { layout: "map", grid: 2, dim: 1, prefix: 0 } as const;
 * const rows = toPatchRows(Float32Array.of(1, 2, 3, 6), shape, 1);
 * if (rows.join() !== "3") throw new Error(rows.join());
 * ```
 */
export function toPatchRows(values: Float32Array, shape: FeatureShape, side: number): Float32Array {
  const { layout, grid, dim, prefix } = shape;
  const places = grid * grid;
  const length = (places + prefix) * dim;
  const images = values.length / length;
  const weights = resamplingWeights(grid, side);
  const result = new Float32Array(images * side * side * dim);
  for (let image = 0; image < images; image++) {
    const own = values.subarray(image * length, (image + 1) * length);
    let rows = own.subarray(prefix * dim);
    if (layout === "map") {
      rows = new Float32Array(places * dim);
      for (let channel = 0; channel < dim; channel++) {
        for (let place = 0; place < places; place++) {
          rows[place * dim + channel] = own[channel * places + place];
        }
      }
    }
    result.set(resampleGrid(rows, grid, side, dim, weights), image * side * side * dim);
  }
  return result;
}

/**
 * Several outputs' rows [n, dims[i]] side by side, each scaled to length 1, so that none outweighs
 * the others; a single output stays as it is.
 */
export function joinRows(parts: readonly Float32Array[], dims: readonly number[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const width = dims.reduce((sum, dim) => sum + dim, 0);
  const count = parts[0].length / dims[0];
  const result = new Float32Array(count * width);
  let place = 0;
  for (const [index, part] of parts.entries()) {
    const dim = dims[index];
    for (let row = 0; row < count; row++) {
      const own = part.subarray(row * dim, (row + 1) * dim);
      let sum = 0;
      for (const value of own) sum += value * value;
      const factor = 1 / Math.max(Math.sqrt(sum), 1e-12);
      for (let i = 0; i < dim; i++) result[row * width + place + i] = own[i] * factor;
    }
    place += dim;
  }
  return result;
}
