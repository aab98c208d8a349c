/**
 * The distribution of numbers, in intervals that grow away from zero on both sides, each half as wide again as
 * the previous one. TensorFlow's grow by a tenth, which makes a file several times as long for a chart with 30
 * intervals.
 *
 * @module
 */

/** Counts between limits, with the sums that TensorBoard shows. */
export interface ValueHistogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Upper limit of each interval, ascending. */
  readonly limits: readonly number[];
  /** Values in each interval: above the previous limit, up to its own. */
  readonly counts: readonly number[];
}

const [smallest, growth] = [1e-12, 1.5];
/** Intervals on each side of zero: up to about 1e20. */
const sideIntervals = 182;
const logGrowth = Math.log(growth);

/** Limits from lowest to highest; the middle one is `smallest`, after −`smallest`. */
const limits = (() => {
  const positive = Array.from({ length: sideIntervals }, (_, i) => smallest * growth ** i);
  return [...positive.toReversed().map((limit) => -limit), ...positive, Infinity];
})();

/** The first interval whose limit is not below a value. */
function intervalOf(value: number): number {
  const size = Math.abs(value);
  // First an approximation by the logarithm, then exactly using the limits themselves.
  const place = size <= smallest ? 0 : Math.round(Math.log(size / smallest) / logGrowth);
  const guess = value > 0 ? sideIntervals + place : sideIntervals - 1 - place;
  let index = Math.min(Math.max(guess, 0), limits.length - 1);
  while (index > 0 && limits[index - 1] >= value) index--;
  while (limits[index] < value) index++;
  return index;
}

/** The non-empty intervals and, of consecutive empty ones, the last: it is the next one's limit. */
function keptIntervals(counts: Float64Array): number[] {
  const last = counts.findLastIndex((count) => count > 0);
  return [...counts.keys()].filter((index) =>
    index <= last && (counts[index] > 0 || counts[index + 1] > 0)
  );
}

/** Maximum number of values examined: more are sampled at regular intervals. */
const mostValues = 1 << 15;

/**
 * The histogram of numbers, or of a regular sample if there are very many; the counts are those of the sample.
 * Non-finite numbers are left out.
 *
 * @returns null if there is no finite number
 *
 * @example
 * ```ts
 * import { valueHistogram } from "./value_histogram.ts";
 * const histogram = valueHistogram([1, 1, 2, -3])!;
 * if (histogram.sum !== 1 || histogram.counts.reduce((a, b) => a + b) !== 4) throw new Error();
 * ```
 */
export function valueHistogram(values: ArrayLike<number>): ValueHistogram | null {
  const counts = new Float64Array(limits.length);
  let [min, max, count, sum, sumOfSquares] = [Infinity, -Infinity, 0, 0, 0];
  const stride = Math.max(1, Math.ceil(values.length / mostValues));
  for (let index = 0; index < values.length; index += stride) {
    const value = values[index];
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    count++;
    sum += value;
    sumOfSquares += value * value;
    counts[intervalOf(value)]++;
  }
  if (count === 0) return null;
  const kept = keptIntervals(counts);
  return {
    min,
    max,
    count,
    sum,
    sumOfSquares,
    limits: kept.map((index) => Math.min(limits[index], Number.MAX_VALUE)),
    counts: kept.map((index) => counts[index]),
  };
}
