/**
 * Compares numbers with golden ones and records the outcome, row by row.
 *
 * @module
 */

/** The outcome for one quantity in one file. */
export interface ParityRow {
  readonly file: string;
  readonly quantity: string;
  /** Largest absolute difference; NaN if one side is. */
  readonly maxAbs: number;
  /** `maxAbs` relative to the largest golden value, unless that is 0. */
  readonly maxRel: number;
  /** The tolerance, in words. */
  readonly tolerance: string;
  readonly ok: boolean;
}

/** How close two tensors must be; all bounds that are given must hold. */
export interface Tolerance {
  /** |Δ| ≤ absolute + relative·|golden|, element by element. */
  readonly absolute?: number;
  readonly relative?: number;
  /** |Δ| ≤ ofLargest·max |golden|. */
  readonly ofLargest?: number;
  /** ‖Δ‖ ≤ length·‖golden‖. */
  readonly length?: number;
  /** mean |Δ|. */
  readonly mean?: number;
}

/** The bounds for a float32 implementation: the spread of the reference's own variants, with a margin. */
export const float32Tolerances = {
  activation: { absolute: 2e-5, relative: 2e-5 },
  loss: { absolute: 1e-5 },
  gradient: { absolute: 2e-5, length: 1e-4 },
  steppedParameter: { absolute: 2e-5, mean: 2e-7 },
  gradientNorm: { relative: 1e-5 },
  codebook: { absolute: 1e-6 },
  learningRate: { relative: 1e-9 },
  resizedTable: { absolute: 1e-4 },
  normalisedPixel: { absolute: 2e-6 },
  oneLevel: { absolute: 1 },
  twoLevels: { absolute: 2 },
  percent: { absolute: 1e-9 },
  standardErrors: { absolute: 4.5 },
  exact: { absolute: 0 },
} as const satisfies Record<string, Tolerance>;

/** Which bounds a quantity has. */
export type ToleranceName = keyof typeof float32Tolerances;

/** The bounds for each kind of quantity. */
export type ToleranceTable = Readonly<Record<ToleranceName, Tolerance>>;

/** The bounds when matrix products and saved activations are float16 or bfloat16. */
export const reducedTolerances: ToleranceTable = {
  ...float32Tolerances,
  activation: { ofLargest: 2e-2 },
  loss: { absolute: 2e-3 },
  gradient: { length: 3e-2 },
  gradientNorm: { relative: 1e-2 },
};

/** A tolerance in words: `|Δ| ≤ 2e-5 + 2e-5·|x|`. */
export function describeTolerance(tolerance: Tolerance): string {
  const { absolute, relative, ofLargest, length, mean } = tolerance;
  const elementwise = [
    ...(absolute ? [`${absolute}`] : []),
    ...(relative ? [`${relative}·|x|`] : []),
    ...(ofLargest ? [`${ofLargest}·max |x|`] : []),
  ];
  const parts = elementwise.length > 0 ? [`|Δ| ≤ ${elementwise.join(" + ")}`] : [];
  if (length !== undefined) parts.push(`‖Δ‖ ≤ ${length}·‖x‖`);
  if (mean !== undefined) parts.push(`mean |Δ| ≤ ${mean}`);
  return parts.length === 0 ? "exact" : parts.join(", ");
}

function largestMagnitude(values: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) {
    largest = Math.max(largest, Math.abs(values[index]));
  }
  return largest;
}

/** Measures how far `found` is from `golden`. */
export function measure(
  found: ArrayLike<number>,
  golden: ArrayLike<number>,
  tolerance: Tolerance,
): { maxAbs: number; maxRel: number; ok: boolean } {
  if (found.length !== golden.length) return { maxAbs: NaN, maxRel: NaN, ok: false };
  const { absolute = 0, relative = 0, ofLargest = 0, length, mean } = tolerance;
  const largest = largestMagnitude(golden);
  // Bounds on the whole tensor leave single elements free.
  const isElementwise = tolerance.absolute !== undefined || relative > 0 || ofLargest > 0;
  const floor = isElementwise ? absolute + ofLargest * largest : Infinity;
  let [maxAbs, sum, squares, goldenSquares] = [0, 0, 0, 0];
  let ok = true;
  for (let index = 0; index < golden.length; index++) {
    const difference = Math.abs(found[index] - golden[index]);
    // Written so that NaN fails.
    if (!(difference <= floor + relative * Math.abs(golden[index]))) ok = false;
    if (!(difference <= maxAbs)) maxAbs = difference;
    sum += difference;
    squares += difference * difference;
    goldenSquares += golden[index] * golden[index];
  }
  if (length !== undefined && !(Math.sqrt(squares) <= length * Math.sqrt(goldenSquares))) {
    // Gradients that are zero up to rounding have no direction to compare.
    if (!(Math.sqrt(goldenSquares / golden.length) < 1e-8)) ok = false;
  }
  if (mean !== undefined && !(sum / golden.length <= mean)) ok = false;
  return { maxAbs, maxRel: maxAbs === 0 ? 0 : maxAbs / (largest || 1), ok };
}

/** The rows of one fixture. */
export class Comparison {
  readonly #file: string;
  readonly #tolerances: ToleranceTable;
  readonly rows: ParityRow[] = [];

  constructor(file: string, tolerances: ToleranceTable) {
    this.#file = file;
    this.#tolerances = tolerances;
  }

  /** Adds a row. */
  check(
    quantity: string,
    found: ArrayLike<number>,
    golden: ArrayLike<number>,
    tolerance: ToleranceName,
  ): void {
    const bounds = this.#tolerances[tolerance];
    const row = { file: this.#file, quantity, tolerance: describeTolerance(bounds) };
    this.rows.push({ ...row, ...measure(found, golden, bounds) });
  }

  /** Adds a row for a single number. */
  checkNumber(quantity: string, found: number, golden: number, tolerance: ToleranceName): void {
    this.check(quantity, [found], [golden], tolerance);
  }

  /** Adds one row for many tensors: the worst of them, which is named if it fails. */
  checkAll(
    quantity: string,
    pairs: Iterable<readonly [string, ArrayLike<number>, ArrayLike<number>]>,
    tolerance: ToleranceName,
  ): void {
    const bounds = this.#tolerances[tolerance];
    let worst = { name: "", maxAbs: 0, maxRel: 0, ok: true };
    let count = 0;
    for (const [name, found, golden] of pairs) {
      const measured = measure(found, golden, bounds);
      count++;
      const isWorse = measured.ok === worst.ok ? !(measured.maxAbs <= worst.maxAbs) : worst.ok;
      if (isWorse) worst = { name, ...measured };
    }
    const { name, maxAbs, maxRel, ok } = worst;
    const label = ok ? `${quantity} (${count} tensors)` : `${quantity}: ${name}`;
    const row = { file: this.#file, quantity: label, tolerance: describeTolerance(bounds) };
    this.rows.push({ ...row, maxAbs, maxRel, ok });
  }

  /** Adds a failed row with a reason. */
  fail(quantity: string, reason: string): void {
    const row = { file: this.#file, quantity, tolerance: reason };
    this.rows.push({ ...row, maxAbs: NaN, maxRel: NaN, ok: false });
  }
}
