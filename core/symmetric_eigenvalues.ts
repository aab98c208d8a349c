/**
 * Eigenvalues of a symmetric matrix: Householder's reduction to tridiagonal form, then QL with
 * implicit shifts (EISPACK's `tred1` and `tql1`; Golub and Van Loan, section 8.3). Libraries for
 * JavaScript compute the eigenvectors as well, which takes several times as long.
 *
 * @module
 */

/**
 * The eigenvalues of a symmetric matrix, from the largest to the smallest.
 *
 * @param matrix [size, size], row-major; it is overwritten
 *
 * @example
 * ```ts
 * import { symmetricEigenvalues } from "./symmetric_eigenvalues.ts";
 * const [first, second] = symmetricEigenvalues(Float64Array.of(2, 1, 1, 2), 2);
 * if (Math.abs(first - 3) > 1e-12 || Math.abs(second - 1) > 1e-12) throw new Error();
 * ```
 */
export function symmetricEigenvalues(matrix: Float64Array, size: number): Float64Array {
  const { diagonal, beside } = tridiagonal(matrix, size);
  return implicitQl(diagonal, beside).sort().reverse();
}

/** The diagonal and, from index 1, the elements beside it of a similar tridiagonal matrix. */
function tridiagonal(a: Float64Array, size: number) {
  const diagonal = new Float64Array(size);
  const beside = new Float64Array(size);
  const v = new Float64Array(size);
  const w = new Float64Array(size);
  // Row i is reflected so that only its elements i − 1 and i remain.
  for (let i = size - 1; i > 0; i--) {
    diagonal[i] = a[i * size + i];
    let scale = 0;
    for (let k = 0; k < i; k++) scale = Math.max(scale, Math.abs(a[i * size + k]));
    if (scale === 0) continue;
    let square = 0;
    for (let k = 0; k < i; k++) {
      v[k] = a[i * size + k] / scale;
      square += v[k] * v[k];
    }
    const norm = v[i - 1] > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    beside[i] = scale * norm;
    // The reflection is I − v·vᵀ/h.
    const h = square - v[i - 1] * norm;
    v[i - 1] -= norm;
    // w = A·v/h from the lower triangle, a row at a time.
    w.fill(0, 0, i);
    for (let j = 0; j < i; j++) {
      const row = j * size;
      let sum = a[row + j] * v[j];
      for (let k = 0; k < j; k++) {
        sum += a[row + k] * v[k];
        w[k] += a[row + k] * v[j];
      }
      w[j] += sum;
    }
    let projection = 0;
    for (let k = 0; k < i; k++) {
      w[k] /= h;
      projection += w[k] * v[k];
    }
    const half = projection / (2 * h);
    for (let k = 0; k < i; k++) w[k] -= half * v[k];
    for (let j = 0; j < i; j++) {
      const row = j * size;
      for (let k = 0; k <= j; k++) a[row + k] -= v[j] * w[k] + w[j] * v[k];
    }
  }
  if (size > 0) diagonal[0] = a[0];
  return { diagonal, beside };
}

/** The eigenvalues of a tridiagonal matrix, in no order. */
function implicitQl(d: Float64Array, beside: Float64Array): Float64Array {
  const size = d.length;
  const e = new Float64Array(size);
  e.set(beside.subarray(1));
  for (let first = 0; first < size; first++) {
    for (;;) {
      let last = first;
      while (last < size - 1 && !isNegligible(e[last], d[last], d[last + 1])) last++;
      if (last === first) break;
      let g = (d[first + 1] - d[first]) / (2 * e[first]);
      let r = Math.hypot(g, 1);
      g = d[last] - d[first] + e[first] / (g + (g < 0 ? -r : r));
      let [sine, cosine, shift] = [1, 1, 0];
      let i = last - 1;
      for (; i >= first; i--) {
        const f = sine * e[i];
        const b = cosine * e[i];
        r = Math.sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r === 0) break;
        sine = f / r;
        cosine = g / r;
        g = d[i + 1] - shift;
        r = (d[i] - g) * sine + 2 * cosine * b;
        shift = sine * r;
        d[i + 1] = g + shift;
        g = cosine * r - b;
      }
      if (r === 0 && i >= first) d[i + 1] -= shift;
      else {
        d[first] -= shift;
        e[first] = g;
      }
      e[last] = 0;
    }
  }
  return d;
}

/** Whether an element beside the diagonal is lost in the rounding of its neighbours. */
function isNegligible(value: number, one: number, other: number): boolean {
  const size = Math.abs(one) + Math.abs(other);
  return !(Math.abs(value) > 0) || size + Math.abs(value) === size;
}
