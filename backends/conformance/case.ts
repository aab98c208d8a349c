/**
 * What a conformance case is, and how it is run.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { messageOf } from "../../core/errors.ts";
import type { Backend, Context, Precision } from "../backend.ts";

/** The outcome of a case. Errors are relative to the largest expected value of each tensor. */
export interface CaseResult {
  /** The case's name: op, variant, shape and precision. */
  readonly name: string;
  /** The op under test. */
  readonly op: string;
  /** The format of its products. */
  readonly precision: Precision;
  /** `skipped` if the backend does not support the precision. */
  readonly status: "passed" | "failed" | "skipped";
  /** Largest error of the outputs; null if they were not compared. */
  readonly valueError: number | null;
  /** Largest error of the gradients; null for an op without gradients. */
  readonly gradientError: number | null;
  /** The limits for these two errors. */
  readonly tolerance: { readonly value: number; readonly gradient: number };
  /** Tensors that the op leaked. */
  readonly leakedTensors: number;
  /** Why it failed or was skipped. */
  readonly message: string | null;
}

/** One check of one op. */
export interface ConformanceCase {
  /** Unique: op, variant, shape and precision. */
  readonly name: string;
  /** The op under test. */
  readonly op: string;
  /** The format of its products. */
  readonly precision: Precision;
  /** Runs it; anything the backend throws becomes a failed result. */
  run(backend: Backend): Promise<CaseResult>;
}

/** Errors measured by a case's body. */
export interface Measurement {
  readonly valueError: number | null;
  readonly gradientError: number | null;
  /** Which tensor is worst, if the case knows. */
  readonly worst?: string;
}

/** A case from its body: skips, counts tensors, catches and judges. */
export function defineCase(definition: {
  readonly name: string;
  readonly op: string;
  readonly precision: Precision;
  readonly tolerance: { readonly value: number; readonly gradient: number };
  readonly measure: (on: Context) => Promise<Measurement>;
}): ConformanceCase {
  const { name, op, precision, tolerance, measure } = definition;
  const base = { name, op, precision, tolerance };
  const nothing = { valueError: null, gradientError: null, leakedTensors: 0 };
  return {
    name,
    op,
    precision,
    async run(backend) {
      const { reducedPrecisions } = backend.capabilities;
      if (precision !== "float32" && !reducedPrecisions.includes(precision)) {
        const message = `${backend.name} has no ${precision}`;
        return { ...base, ...nothing, status: "skipped", message };
      }
      try {
        const before = backend.memory().tensors;
        const { valueError, gradientError, worst } = await measure({ backend, precision });
        const leakedTensors = backend.memory().tensors - before;
        const errors = { valueError, gradientError, leakedTensors };
        const complaints = [
          exceeds(valueError, tolerance.value) && `values are off by ${valueError}`,
          exceeds(gradientError, tolerance.gradient) && `gradients are off by ${gradientError}`,
          leakedTensors !== 0 && `${leakedTensors} tensors were leaked`,
        ].filter((complaint) => complaint !== false);
        if (complaints.length === 0) return { ...base, ...errors, status: "passed", message: null };
        const place = worst === undefined ? "" : ` (worst: ${worst})`;
        return { ...base, ...errors, status: "failed", message: complaints.join(", ") + place };
      } catch (error) {
        return { ...base, ...nothing, status: "failed", message: messageOf(error) };
      }
    },
  };
}

/** NaN exceeds everything. */
function exceeds(error: number | null, allowed: number): boolean {
  return error !== null && !(error <= allowed);
}

/**
 * Largest |actual − expected| relative to the largest |expected|. If a non-finite value is expected, any
 * non-finite value will do.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let [largest, difference] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i]) !== Number.isFinite(actual[i])) return Infinity;
    if (!Number.isFinite(expected[i])) continue;
    largest = Math.max(largest, Math.abs(expected[i]));
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
  }
  return largest === 0 ? difference : difference / largest;
}

/** Reads tensors of a backend and frees them. */
export async function takeValues(
  tensors: Readonly<Record<string, Tensor>>,
): Promise<Record<string, ArrayLike<number>>> {
  const values: Record<string, ArrayLike<number>> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    values[name] = await tensor.data() as ArrayLike<number>;
  }
  tf.dispose(Object.values(tensors));
  return values;
}
