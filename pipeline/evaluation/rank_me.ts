/**
 * RankMe, the quality of features without labels: their effective rank (Garrido et al., "RankMe:
 * Assessing the Downstream Performance of Pretrained Self-Supervised Representations by Their Rank",
 * 2023, arXiv 2210.02885, equation 1).
 *
 * @module
 */

import { symmetricEigenvalues } from "../../core/symmetric_eigenvalues.ts";
import type { FeatureSet } from "./features.ts";

/** Added to each normalised singular value, as in the paper, for float32. */
const epsilon = 1e-7;

/** Images from which a model's rank is computed: several times as many as it has features. */
const mostImages = 4096;

/** The indices of at most `most` items, spread evenly over `count`. */
export function spreadIndices(count: number, most: number = mostImages): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, index) => Math.floor(index * count / taken));
}

/**
 * exp of the entropy of the singular values, divided by their sum: from 1, if all features are
 * multiples of one, to the smaller of their width and number, if all directions are equally strong.
 * NaN if a feature is not finite.
 *
 * @example Two directions of equal strength
 * ```ts
 * import { rankMe } from "./rank_me.ts";
 * const values = Float32Array.of(3, 0, 0, 0, 3, 0);
 * const rank = rankMe({ values, count: 2, width: 3 });
 * if (Math.abs(rank - 2) > 1e-4) throw new Error(`${rank}`);
 * ```
 */
export function rankMe(set: Pick<FeatureSet, "values" | "count" | "width">): number {
  const { values, count, width } = set;
  if (count === 0 || !values.every(Number.isFinite)) return NaN;
  const size = Math.min(count, width);
  const squares = symmetricEigenvalues(gram(size === count ? values : columns(set), size), size);
  // In float64: the squares of small singular values would vanish in float32.
  const singular = squares.map((square) => Math.sqrt(Math.max(0, square)));
  const sum = singular.reduce((total, value) => total + value, 0);
  if (sum === 0) return 1;
  const entropy = singular.reduce((total, value) => {
    const share = value / sum + epsilon;
    return total - share * Math.log(share);
  }, 0);
  return Math.exp(entropy);
}

/** {@link rankMe} of the rows at {@link spreadIndices}. */
export function rankMeOfSome(set: FeatureSet, most: number = mostImages): number {
  const rows = spreadIndices(set.count, most);
  const values = new Float32Array(rows.length * set.width);
  for (const [at, row] of rows.entries()) {
    values.set(set.values.subarray(row * set.width, (row + 1) * set.width), at * set.width);
  }
  return rankMe({ values, count: rows.length, width: set.width });
}

/** [count, width] → [width, count]. */
function columns(
  { values, count, width }: Pick<FeatureSet, "values" | "count" | "width">,
): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < width; column++) {
      turned[column * count + row] = values[row * width + column];
    }
  }
  return turned;
}

/** Products of all pairs of `size` rows, [size, size]; only the lower triangle is filled. */
function gram(rows: Float32Array, size: number): Float64Array {
  const length = rows.length / size;
  const products = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const own = rows.subarray(i * length, (i + 1) * length);
    // Two rows at a time: each element of `own` is read half as often.
    for (let j = 0; j <= i; j += 2) {
      const one = rows.subarray(j * length, (j + 1) * length);
      const other = rows.subarray(Math.min(j + 1, i) * length, (Math.min(j + 1, i) + 1) * length);
      let [first, second] = [0, 0];
      for (let k = 0; k < length; k++) {
        first += own[k] * one[k];
        second += own[k] * other[k];
      }
      products[i * size + j] = first;
      if (j < i) products[i * size + j + 1] = second;
    }
  }
  return products;
}
