/** Directions of greatest variance in a set of rows, and their mean. */
export interface PrincipalComponents {
  /** [dim]. */
  readonly mean: Float32Array;
  /** Unit rows, greatest variance first, [count, dim]. */
  readonly components: Float32Array;
  readonly count: number;
  /** Variance of the samples along each, [count]; 0 for rows of zeros. */
  readonly variances: Float32Array;
  /** Root mean square length of the centred samples along these directions. */
  readonly length: number;
}

/** Rounds of subspace iteration; the directions that matter have converged long before. */
const rounds = 10;

/**
 * The principal components of samples [rows, dim], by subspace iteration on the covariance in
 * float64. Deterministic: it starts from rows of the identity mixed by a fixed recurrence, and each
 * component's largest entry is positive. If there are fewer directions than `count`, the rest are
 * zero rows.
 */
export function principalComponents(
  samples: Float32Array,
  dim: number,
  count: number,
): PrincipalComponents {
  const mean = columnMeans(samples, dim);
  const covariance = covarianceOf(samples, mean, dim);
  const width = Math.min(count + 16, dim);
  let basis = startBasis(dim, width);
  orthonormalise(basis, dim, width);
  for (let round = 0; round < rounds; round++) {
    basis = multiply(basis, covariance, dim, width);
    orthonormalise(basis, dim, width);
  }
  const { vectors, variances } = rotateToAxes(basis, covariance, dim, width);
  const components = new Float32Array(count * dim);
  const along = new Float32Array(count);
  let total = 0;
  for (let index = 0; index < Math.min(count, width); index++) {
    // Directions without variance are numerical noise.
    if (!(variances[index] > 1e-10 * variances[0])) break;
    total += variances[index];
    along[index] = variances[index];
    components.set(withPositivePeak(vectors.subarray(index * dim, (index + 1) * dim)), index * dim);
  }
  return {
    ...{ mean: Float32Array.from(mean), components, count },
    ...{ variances: along, length: Math.sqrt(total) },
  };
}

function columnMeans(samples: Float32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim);
  for (let index = 0; index < samples.length; index++) mean[index % dim] += samples[index];
  return mean.map((sum) => sum * dim / samples.length);
}

/** [dim, dim]. */
function covarianceOf(samples: Float32Array, mean: Float64Array, dim: number): Float64Array {
  const rows = samples.length / dim;
  const covariance = new Float64Array(dim * dim);
  const centred = new Float64Array(dim);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < dim; i++) centred[i] = samples[row * dim + i] - mean[i];
    for (let i = 0; i < dim; i++) {
      const value = centred[i];
      if (value === 0) continue;
      for (let j = i; j < dim; j++) covariance[i * dim + j] += value * centred[j];
    }
  }
  for (let i = 0; i < dim; i++) {
    for (let j = i; j < dim; j++) {
      covariance[i * dim + j] /= rows;
      covariance[j * dim + i] = covariance[i * dim + j];
    }
  }
  return covariance;
}

/** Any unbiased basis will do; this one is the same on every machine. */
function startBasis(dim: number, width: number): Float64Array {
  let state = 1;
  return new Float64Array(dim * width).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[aStart + i] * b[bStart + i];
  return sum;
}

/** basis [width, dim] times a symmetric matrix [dim, dim]. */
function multiply(
  basis: Float64Array,
  matrix: Float64Array,
  dim: number,
  width: number,
): Float64Array {
  const product = new Float64Array(width * dim);
  for (let row = 0; row < width; row++) {
    for (let i = 0; i < dim; i++) {
      product[row * dim + i] = dot(basis, row * dim, matrix, i * dim, dim);
    }
  }
  return product;
}

/** Gram-Schmidt on the rows, in place, twice for accuracy; a row without a remainder becomes zero. */
function orthonormalise(basis: Float64Array, dim: number, width: number): void {
  for (let row = 0; row < width; row++) {
    const start = row * dim;
    const before = Math.sqrt(dot(basis, start, basis, start, dim));
    for (let pass = 0; pass < 2; pass++) {
      for (let earlier = 0; earlier < row; earlier++) {
        const overlap = dot(basis, start, basis, earlier * dim, dim);
        for (let i = 0; i < dim; i++) basis[start + i] -= overlap * basis[earlier * dim + i];
      }
    }
    const length = Math.sqrt(dot(basis, start, basis, start, dim));
    const factor = length > 1e-12 * before && length > 0 ? 1 / length : 0;
    for (let i = 0; i < dim; i++) basis[start + i] *= factor;
  }
}

/** The eigenvectors of the matrix within the basis, greatest eigenvalue first (Rayleigh-Ritz). */
function rotateToAxes(
  basis: Float64Array,
  matrix: Float64Array,
  dim: number,
  width: number,
): { vectors: Float64Array; variances: number[] } {
  const image = multiply(basis, matrix, dim, width);
  const small = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      small[i * width + j] = dot(basis, i * dim, image, j * dim, dim);
    }
  }
  const rotation = jacobi(small, width);
  const order = Array.from({ length: width }, (_, index) => index)
    .sort((a, b) => small[b * width + b] - small[a * width + a] || a - b);
  const vectors = new Float64Array(width * dim);
  for (const [place, column] of order.entries()) {
    for (let row = 0; row < width; row++) {
      const weight = rotation[row * width + column];
      for (let i = 0; i < dim; i++) vectors[place * dim + i] += weight * basis[row * dim + i];
    }
  }
  return { vectors, variances: order.map((column) => small[column * width + column]) };
}

/** Diagonalises a small symmetric matrix in place with Jacobi rotations; columns → eigenvectors. */
function jacobi(matrix: Float64Array, n: number): Float64Array {
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  for (let sweep = 0; sweep < 12; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = matrix[p * n + q];
        if (Math.abs(off) < 1e-300) continue;
        const theta = (matrix[q * n + q] - matrix[p * n + p]) / (2 * off);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        rotate(matrix, vectors, n, p, q, c, t * c);
      }
    }
  }
  return vectors;
}

function rotate(
  matrix: Float64Array,
  vectors: Float64Array,
  n: number,
  p: number,
  q: number,
  c: number,
  s: number,
): void {
  const mix = (array: Float64Array, first: number, second: number) => {
    const [a, b] = [array[first], array[second]];
    array[first] = c * a - s * b;
    array[second] = s * a + c * b;
  };
  for (let k = 0; k < n; k++) mix(matrix, k * n + p, k * n + q);
  for (let k = 0; k < n; k++) mix(matrix, p * n + k, q * n + k);
  for (let k = 0; k < n; k++) mix(vectors, k * n + p, k * n + q);
}

function withPositivePeak(vector: Float64Array): Float64Array {
  let peak = 0;
  for (const value of vector) if (Math.abs(value) > Math.abs(peak)) peak = value;
  return peak < 0 ? vector.map((value) => -value) : vector;
}
