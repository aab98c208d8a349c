/**
 * Whitening of features to fewer dimensions: what all images share is taken away, and every
 * direction that remains counts the same.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import type { NamedValues } from "../parameter_set.ts";
import { principalComponents } from "../principal_components.ts";

/** Maximum number of rows that the components are fitted to: more only take longer. */
const mostSamples = 4096;
/** Smaller variances, relative to the largest, are not enlarged further. */
const floor = 1e-4;

/** A linear layer that whitens. */
export interface Whitening {
  /** [count, dim]. */
  readonly weight: NamedValues;
  /** [count]. */
  readonly bias: NamedValues;
}

/**
 * Fits the `count` first principal components of rows [n, dim], each scaled to a variance of 1.
 *
 * @throws UserError if there are more components than dimensions
 *
 * @example
 * ```ts
 * import { fitWhitening } from "./whitening.ts";
 * const rows = Float32Array.from({ length: 40 }, (_, index) => Math.sin(index * index) + 5);
 * const { weight } = fitWhitening(rows, 4, 2);
 * if (weight.shape.join() !== "2,4") throw new Error();
 * ```
 */
export function fitWhitening(rows: Float32Array, dim: number, count: number): Whitening {
  if (count > dim) {
    throw new UserError(`Cannot whiten features of ${dim} values to ${count} dimensions`, {
      hint: `give --set teacher.onnx.whiten=${dim} or less`,
    });
  }
  const { mean, components, variances } = principalComponents(thin(rows, dim), dim, count);
  const weight = new Float32Array(count * dim);
  const bias = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const scale = 1 / Math.sqrt(Math.max(variances[row], floor * variances[0], 1e-20));
    for (let i = 0; i < dim; i++) {
      weight[row * dim + i] = components[row * dim + i] * scale;
      bias[row] -= weight[row * dim + i] * mean[i];
    }
  }
  return {
    weight: { shape: [count, dim], values: weight },
    bias: { shape: [count], values: bias },
  };
}

/** Rows at equal distances, so that at most `mostSamples` remain. */
function thin(rows: Float32Array, dim: number): Float32Array {
  const count = rows.length / dim;
  if (count <= mostSamples) return rows;
  const kept = new Float32Array(mostSamples * dim);
  for (let index = 0; index < mostSamples; index++) {
    const row = Math.floor(index * count / mostSamples);
    kept.set(rows.subarray(row * dim, (row + 1) * dim), index * dim);
  }
  return kept;
}
