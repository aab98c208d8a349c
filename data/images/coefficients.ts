/**
 * The fixed-point weights of Pillow's resampling (`precompute_coeffs` and `normalize_coeffs_8bpc` of
 * Pillow's `Resample.c`), cached by (input size, output size, filter).
 *
 * @module
 */

/** Pillow's filters by name. */
export type PillowFilter = "bicubic" | "lanczos" | "bilinear" | "box" | "hamming";

/** For each output position: where its window starts, how long it is, and its weights × 2²². */
export interface Coefficients {
  /** First input position of each window. */
  readonly starts: Int32Array;
  /** The same in bytes within a row of RGB pixels. */
  readonly offsets: Int32Array;
  /** Pairs of weights in each window; the last one may have a weight of 0. */
  readonly pairs: Int32Array;
  /** Distance in `weights` from one window to the next. */
  readonly stride: number;
  /** Of each pair of weights, as int16: the weights >> 12, then their lower 12 bits. */
  readonly weights: Int16Array;
}

type Filter = (x: number) => number;

const sinc: Filter = (x) => x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);

const filters: Record<PillowFilter, { filter: Filter; support: number }> = {
  box: { support: 0.5, filter: (x) => x > -0.5 && x <= 0.5 ? 1 : 0 },
  bilinear: { support: 1, filter: (x) => Math.abs(x) < 1 ? 1 - Math.abs(x) : 0 },
  hamming: {
    support: 1,
    filter: (x) => {
      const distance = Math.abs(x);
      if (distance === 0) return 1;
      if (distance >= 1) return 0;
      const angle = distance * Math.PI;
      return Math.sin(angle) / angle * (0.54 + 0.46 * Math.cos(angle));
    },
  },
  bicubic: {
    support: 2,
    filter: (x) => {
      const a = -0.5;
      const d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
      return 0;
    },
  },
  lanczos: { support: 3, filter: (x) => x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0 },
};

function compute(from: number, to: number, kind: PillowFilter): Coefficients {
  const { filter, support } = filters[kind];
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const reach = support * filterScale;
  const longest = Math.ceil(reach) * 2 + 1;
  const stride = Math.ceil(longest / 2) * 4;
  const starts = new Int32Array(to);
  const pairs = new Int32Array(to);
  const weights = new Int16Array(to * stride);
  const window = new Float64Array(longest);
  for (let x = 0; x < to; x++) {
    const centre = (x + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const length = Math.min(from, Math.trunc(centre + reach + 0.5)) - start;
    const inverse = 1 / filterScale;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      window[i] = filter((i + start - centre + 0.5) * inverse);
      sum += window[i];
    }
    for (let i = 0; i < length; i++) {
      const weight = (sum === 0 ? window[i] : window[i] / sum) * (1 << 22);
      const whole = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
      const place = x * stride + (i >> 1) * 4 + i % 2;
      weights[place] = whole >> 12;
      weights[place + 2] = whole & 0xfff;
    }
    starts[x] = start;
    pairs[x] = Math.ceil(length / 2);
  }
  return { starts, offsets: starts.map((start) => start * 3), pairs, stride, weights };
}

/** Random crops use every size between the smallest and the whole: keep about 10 MB of tables. */
const cacheLimit = 1024;
const cache = new Map<string, Coefficients>();

/** The weights for resizing `from` samples to `to`. */
export function coefficients(from: number, to: number, kind: PillowFilter): Coefficients {
  const key = `${kind} ${from} ${to}`;
  let found = cache.get(key);
  if (found === undefined) {
    if (cache.size >= cacheLimit) cache.clear();
    found = compute(from, to, kind);
    cache.set(key, found);
  }
  return found;
}
