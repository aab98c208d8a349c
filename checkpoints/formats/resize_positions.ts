/**
 * Position parameters for a different number of patches (SPEC g.4).
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { formatShape } from "../../core/shapes.ts";
import { type TensorData, toFloat32 } from "../tensors/tensor_data.ts";
import { splineMatrix } from "./not_a_knot_spline.ts";
import { relativePositionRows } from "../../core/relative_position.ts";
import { sideOfTable } from "./relative_position_index.ts";

/** Applies a matrix `[out][in]` along both axes of a `[side, side, channels]` grid. */
function resizeGrid(
  grid: Float32Array,
  channels: number,
  matrix: readonly Float64Array[],
): Float64Array {
  const side = matrix[0].length;
  const size = matrix.length;
  const rows = new Float64Array(size * side * channels);
  for (let y = 0; y < size; y++) {
    for (let from = 0; from < side; from++) {
      const weight = matrix[y][from];
      if (weight === 0) continue;
      const stride = side * channels;
      for (let k = 0; k < stride; k++) rows[y * stride + k] += weight * grid[from * stride + k];
    }
  }
  const out = new Float64Array(size * size * channels);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let from = 0; from < side; from++) {
        const weight = matrix[x][from];
        if (weight === 0) continue;
        const to = (y * size + x) * channels;
        const at = (y * side + from) * channels;
        for (let c = 0; c < channels; c++) out[to + c] += weight * rows[at + c];
      }
    }
  }
  return out;
}

/** PyTorch's bicubic kernel (a = −0.75, half-pixel centres, clamped border) as a matrix. */
function bicubicMatrix(side: number, size: number): Float64Array[] {
  const a = -0.75;
  const near = (t: number) => ((a + 2) * t - (a + 3)) * t * t + 1;
  const far = (t: number) => ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  return Array.from({ length: size }, (_, i) => {
    const row = new Float64Array(side);
    const centre = (i + 0.5) * side / size - 0.5;
    const first = Math.floor(centre);
    const t = centre - first;
    for (const [tap, weight] of [far(1 + t), near(t), near(1 - t), far(2 - t)].entries()) {
      row[Math.min(Math.max(first - 1 + tap, 0), side - 1)] += weight;
    }
    return row;
  });
}

/**
 * An absolute position embedding `[1, prefix + n², C]` for a grid of `side` patches: the class token's row, if
 * there is one, stays; the others are resized bicubically, as in PyTorch without antialiasing.
 */
export function resizePositionEmbedding(
  tensor: TensorData,
  side: number,
  prefix: 0 | 1 = 1,
): TensorData {
  const [, tokens, channels] = tensor.shape;
  const from = Math.sqrt(tokens - prefix);
  if (!Number.isInteger(from)) {
    throw new UserError(
      `Cannot resize "pos_embed" ${formatShape(tensor.shape)}: its patches do not form a square`,
    );
  }
  if (from === side) return tensor;
  const values = toFloat32(tensor);
  const kept = prefix * channels;
  const data = new Float32Array(kept + side * side * channels);
  data.set(values.subarray(0, kept));
  data.set(resizeGrid(values.subarray(kept), channels, bicubicMatrix(from, side)), kept);
  return { dtype: "F32", shape: [1, prefix + side * side, channels], data };
}

/**
 * Where the entries of a table of `size` offsets lie if the table is to cover offsets up to
 * `reach`: 0, ±1, ±(1 + q), … with the ratio q that puts the outermost there, found by bisection
 * within 1.01 … 1.5.
 */
function geometricPositions(size: number, reach: number): number[] {
  const count = Math.floor(size / 2);
  let low = 1.01;
  let high = 1.5;
  let ratio = (low + high) / 2;
  while (high - low > 1e-6) {
    ratio = (low + high) / 2;
    if ((1 - ratio ** count) / (1 - ratio) > reach) high = ratio;
    else low = ratio;
  }
  const distances: number[] = [];
  for (let i = 0, distance = 1; i < count; distance += ratio ** ++i) distances.push(distance);
  return [...distances.map((distance) => -distance).reverse(), 0, ...distances];
}

/**
 * A relative-position table `[(2n − 1)² + 3, H]` for a window of `side` patches: geometric source
 * positions and not-a-knot cubic splines, as BEiT does; the last three rows stay.
 */
export function resizeRelativeTable(tensor: TensorData, side: number): TensorData {
  const [rows, heads] = tensor.shape;
  const from = sideOfTable(rows);
  if (from === undefined) {
    throw new UserError(
      `Cannot resize the relative-position table ${
        formatShape(tensor.shape)
      }: its rows are not those of a ` +
        "square window plus 3",
    );
  }
  if (from === side) return tensor;
  const reach = side - 1;
  const targets = Array.from({ length: 2 * side - 1 }, (_, i) => i - reach);
  const matrix = splineMatrix(geometricPositions(2 * from - 1, reach), targets);
  const values = toFloat32(tensor);
  const data = new Float32Array(relativePositionRows(side) * heads);
  data.set(resizeGrid(values.subarray(0, (rows - 3) * heads), heads, matrix));
  data.set(values.subarray((rows - 3) * heads), data.length - 3 * heads);
  return { dtype: "F32", shape: [relativePositionRows(side), heads], data };
}
