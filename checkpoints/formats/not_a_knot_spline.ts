/**
 * Interpolation by a cubic spline with not-a-knot ends, as a matrix.
 *
 * @module
 */

/** Solves A·X = B in place by elimination with partial pivoting; B becomes X. */
function solve(a: Float64Array[], b: Float64Array[]): void {
  const n = a.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(a[row][column]) > Math.abs(a[pivot][column])) pivot = row;
    }
    [a[column], a[pivot]] = [a[pivot], a[column]];
    [b[column], b[pivot]] = [b[pivot], b[column]];
    for (let row = 0; row < n; row++) {
      const factor = a[row][column] / a[column][column];
      if (row === column || factor === 0) continue;
      for (let k = column; k < n; k++) a[row][k] -= factor * a[column][k];
      for (let k = 0; k < b[row].length; k++) b[row][k] -= factor * b[column][k];
    }
  }
  for (let row = 0; row < n; row++) {
    for (let k = 0; k < b[row].length; k++) b[row][k] /= a[row][row];
  }
}

/** Second derivatives at the knots, as a matrix applied to the values there, `[n][n]`. */
function secondDerivatives(knots: readonly number[]): Float64Array[] {
  const n = knots.length;
  const zeros = () => Array.from({ length: n }, () => new Float64Array(n));
  const a = zeros();
  const b = zeros();
  const step = (i: number) => knots[i + 1] - knots[i];
  for (let i = 1; i < n - 1; i++) {
    a[i].set([step(i - 1), 2 * (step(i - 1) + step(i)), step(i)], i - 1);
    b[i].set([6 / step(i - 1), -6 / step(i - 1) - 6 / step(i), 6 / step(i)], i - 1);
  }
  // The third derivative is continuous at the second and the last but one knot. With three knots these are the
  // same one: the parabola through them has a single second derivative.
  const last = n - 1;
  if (n === 3) {
    a[0].set([1, -1], 0);
    a[2].set([1, -1], 1);
  } else {
    a[0].set([step(1), -step(0) - step(1), step(0)], 0);
    a[last].set([step(last - 1), -step(last - 2) - step(last - 1), step(last - 2)], last - 2);
  }
  solve(a, b);
  return b;
}

/**
 * The matrix `[points][knots]` that maps values at the knots to the spline's values at the points.
 * Points outside are clamped to the ends; fewer than four knots give the parabola, the line or the
 * constant through them.
 *
 * @example A cubic is reproduced exactly
 * ```ts
 * import { splineMatrix } from "./not_a_knot_spline.ts";
 * const cube = (x: number) => x ** 3 - x;
 * const [row] = splineMatrix([-3, -1, 0, 1, 3], [2]);
 * const value = [-3, -1, 0, 1, 3].reduce((sum, x, i) => sum + row[i] * cube(x), 0);
 * if (Math.abs(value - cube(2)) > 1e-12) throw new Error(String(value));
 * ```
 */
export function splineMatrix(
  knots: readonly number[],
  points: readonly number[],
): Float64Array[] {
  const n = knots.length;
  if (n === 1) return points.map(() => new Float64Array([1]));
  const curvature = n > 2 ? secondDerivatives(knots) : undefined;
  return points.map((point) => {
    const x = Math.min(Math.max(point, knots[0]), knots[n - 1]);
    let i = 0;
    while (i < n - 2 && x > knots[i + 1]) i++;
    const step = knots[i + 1] - knots[i];
    const right = (x - knots[i]) / step;
    const left = 1 - right;
    const row = new Float64Array(n);
    row[i] += left;
    row[i + 1] += right;
    for (let k = 0; curvature && k < n; k++) {
      row[k] += ((left ** 3 - left) * curvature[i][k] +
        (right ** 3 - right) * curvature[i + 1][k]) * step ** 2 / 6;
    }
    return row;
  });
}
