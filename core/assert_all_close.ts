/**
 * Comparing lists of numbers, with a message that says where and by how much they differ.
 *
 * @module
 */

import { formatShape } from "./shapes.ts";

/** What may differ: |actual − expected| ≤ absolute + relative·|expected|; both 0 by default. */
export interface Tolerance {
  /** Share of the expected value's magnitude. */
  readonly relative?: number;
  /** Difference that is always allowed. */
  readonly absolute?: number;
}

/** What {@link assertAllClose} calls the values it compares. */
export interface ComparisonLabel {
  /** For the message. Default `values`. */
  readonly name?: string;
  /** Shape of the tensor that the values belong to, so that the message can give an index. */
  readonly shape?: readonly number[];
}

/** Where two lists differ most, relative to the tolerance. */
export interface WorstDifference {
  readonly index: number;
  readonly actual: number;
  readonly expected: number;
  readonly absoluteError: number;
  /** |actual − expected| / |expected|; infinite if 0 was expected. */
  readonly relativeError: number;
  readonly isClose: boolean;
}

/**
 * The worst difference between two lists of equal length; null for empty lists. NaN equals NaN, and an infinity
 * equals itself; any other pair with a non-finite number is infinitely far apart.
 */
export function worstDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative = 0, absolute = 0 }: Tolerance = {},
): WorstDifference | null {
  let worst: WorstDifference | null = null;
  let worstExcess = -Infinity;
  for (let index = 0; index < expected.length; index++) {
    const [a, e] = [actual[index], expected[index]];
    const isSame = a === e || (Number.isNaN(a) && Number.isNaN(e));
    const distance = Math.abs(a - e);
    const absoluteError = isSame ? 0 : Number.isNaN(distance) ? Infinity : distance;
    const allowed = Number.isFinite(e) ? absolute + relative * Math.abs(e) : 0;
    const excess = absoluteError - allowed;
    if (excess <= worstExcess) continue;
    worstExcess = excess;
    const relativeError = absoluteError === 0 ? 0 : absoluteError / Math.abs(e);
    const isClose = excess <= 0;
    worst = { index, actual: a, expected: e, absoluteError, relativeError, isClose };
  }
  return worst;
}

/**
 * Throws if two lists are not close; the message names the worst element with both errors.
 *
 * @throws Error
 *
 * @example
 * ```ts
 * import { assertAllClose } from "./assert_all_close.ts";
 * assertAllClose([1, 2.001], [1, 2], { relative: 1e-3 });
 * let message = "";
 * try {
 *   assertAllClose([1, 2, 3, 5], [1, 2, 3, 4], { absolute: 0.1 }, { name: "y", shape: [2, 2] });
 * } catch (error) {
 *   message = (error as Error).message;
 * }
 * if (!message.startsWith("y[1, 1] is 5, expected 4")) throw new Error(message);
 * ```
 */
export function assertAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance = {},
  { name = "values", shape }: ComparisonLabel = {},
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${name}: expected ${expected.length} numbers, found ${actual.length}`);
  }
  const worst = worstDifference(actual, expected, tolerance);
  if (worst === null || worst.isClose) return;
  const { relative = 0, absolute = 0 } = tolerance;
  const place = formatShape(shape === undefined ? [worst.index] : unravel(worst.index, shape));
  throw new Error(
    `${name}${place} is ${worst.actual}, expected ${worst.expected}: off by ` +
      `${worst.absoluteError.toPrecision(3)}, relatively ${worst.relativeError.toPrecision(3)}; ` +
      `allowed ${absolute} + ${relative} × |expected|`,
  );
}

/** The index along each axis of a row-major tensor. */
function unravel(index: number, shape: readonly number[]): number[] {
  const indices: number[] = [];
  for (const extent of [...shape].reverse()) {
    indices.unshift(index % extent);
    index = Math.floor(index / extent);
  }
  return indices;
}
