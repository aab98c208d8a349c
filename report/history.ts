/**
 * A run's numbers in bounded memory: however many steps it has, a curve keeps a few hundred
 * intervals of steps, each with its minimum, maximum and mean, so that no peak is lost.
 *
 * @module
 */

/** One interval of steps on a curve. */
export interface HistoryPoint {
  /** The last step seen in the interval. */
  readonly step: number;
  readonly low: number;
  readonly high: number;
  readonly mean: number;
}

/** Sums of one interval. */
interface Bucket {
  low: number;
  high: number;
  sum: number;
  count: number;
}

function join(a: Bucket | undefined, b: Bucket | undefined): Bucket | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
    sum: a.sum + b.sum,
    count: a.count + b.count,
  };
}

/** The numbers in a record by name; those in a nested object as `object.name`. */
function* numbersOf(record: object, prefix = ""): Generator<[name: string, value: number]> {
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === "number") yield [prefix + name, value];
    else if (typeof value === "boolean") yield [prefix + name, value ? 1 : 0];
    else if (typeof value === "object" && value !== null && prefix === "") {
      yield* numbersOf(value, `${name}.`);
    }
  }
}

/**
 * Curves over steps. Values that are not finite numbers (`null`, NaN, infinite) leave a gap; {@link
 * History.gaps} records whether there were any.
 *
 * @example A million steps take no more memory than a thousand
 * ```ts
 * import { History } from "./history.ts";
 * const history = new History(100);
 * for (let step = 1; step <= 5000; step++) history.add({ step, loss: step === 4321 ? 9 : 1 });
 * const points = history.curve("loss");
 * if (points.length > 100 || Math.max(...points.map(({ high }) => high)) !== 9) throw new Error();
 * ```
 */
export class History {
  readonly #limit: number;
  /** Steps per interval. */
  #stride = 1;
  readonly #curves = new Map<string, (Bucket | undefined)[]>();
  /** Last step seen in each interval. */
  #steps: (number | undefined)[] = [];
  #last: Readonly<Record<string, unknown>> | null = null;

  /** @param limit maximum number of intervals per curve, even */
  constructor(limit = 400) {
    this.#limit = limit;
  }

  /** Adds the numbers of a step: a record with `step`, from 1. */
  add(metrics: { readonly step: number; readonly [name: string]: unknown }): void {
    const { step, ...values } = metrics;
    while (Math.floor((step - 1) / this.#stride) >= this.#limit) this.#halve();
    const index = Math.floor((step - 1) / this.#stride);
    this.#steps[index] = step;
    this.#last = metrics;
    for (const [name, value] of numbersOf(values)) {
      if (!Number.isFinite(value)) continue;
      const curve = this.#curves.get(name) ?? [];
      if (!this.#curves.has(name)) this.#curves.set(name, curve);
      curve[index] = join(curve[index], { low: value, high: value, sum: value, count: 1 });
    }
  }

  /** The last record that was added; null before the first. */
  get last(): Readonly<Record<string, unknown>> | null {
    return this.#last;
  }

  /** Names of the curves, in order of first appearance. */
  get names(): string[] {
    return [...this.#curves.keys()];
  }

  /** Steps in one interval: 1 in a short run. */
  get stride(): number {
    return this.#stride;
  }

  /** A curve's non-empty intervals, in order; none for an unknown name. */
  curve(name: string): HistoryPoint[] {
    return (this.#curves.get(name) ?? []).flatMap((bucket, index) =>
      bucket === undefined ? [] : [{
        step: this.#steps[index]!,
        low: bucket.low,
        high: bucket.high,
        mean: bucket.sum / bucket.count,
      }]
    );
  }

  /** Last steps of the intervals in which this curve has no value although others do. */
  gaps(name: string): number[] {
    const curve = this.#curves.get(name) ?? [];
    return this.#steps.flatMap((step, index) =>
      step !== undefined && curve[index] === undefined ? [step] : []
    );
  }

  #halve(): void {
    this.#stride *= 2;
    const pairs = Math.ceil(this.#steps.length / 2);
    const steps = this.#steps;
    this.#steps = Array.from({ length: pairs }, (_, i) => steps[2 * i + 1] ?? steps[2 * i]);
    for (const [name, curve] of this.#curves) {
      const joined = Array.from({ length: pairs }, (_, i) => join(curve[2 * i], curve[2 * i + 1]));
      this.#curves.set(name, joined);
    }
  }
}
