/**
 * Cases for ops that are functions of their tensors: values against the float64 oracle, gradients
 * against its finite differences or, if those would take too long, against the reference backend.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { Generator } from "../../core/generator.ts";
import { sizeOf } from "../../core/shapes.ts";
import type { Context, Precision } from "../backend.ts";
import { createReferenceBackend } from "../reference/mod.ts";
import { Tape } from "../tfjs/tape.ts";
import {
  type ConformanceCase,
  defineCase,
  type Measurement,
  relativeError,
  takeValues,
} from "./case.ts";
import type { NamedValues, Values } from "./oracles.ts";

/** An input: its shape, and its values if they are not drawn from N(0, 1). */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype?: "float32" | "int32";
  /** Value at a flat index; draws come from the case's own generator. */
  readonly value?: (index: number, generator: Generator) => number;
}

/** Integers below `limit`. */
export function idsBelow(limit: number, shape: readonly number[]): InputSpec {
  const value = (_index: number, generator: Generator) => generator.integer(0, limit - 1);
  return { shape, dtype: "int32", value };
}

/** For ops whose operands are rounded in reduced precision. */
export const allPrecisions: readonly Precision[] = ["float32", "float16", "bfloat16"];

/** An op with inputs, to be checked in some precisions. */
export interface OpCase {
  readonly op: string;
  /** What is special, for the name: `gelu`, `no bias`. */
  readonly variant?: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Runs the op; gradients are computed for the first output. */
  readonly apply: (on: Context, inputs: Record<string, Tensor>) => Record<string, Tensor>;
  /** The same in float64. */
  readonly oracle: (inputs: NamedValues) => NamedValues;
  /** Inputs to compute gradients for. */
  readonly gradients: readonly string[];
  /** Set if the gradient is, by definition, not the derivative. */
  readonly gradientOracle?: (inputs: NamedValues, dy: Float64Array) => Record<string, Float64Array>;
  /** Default: float32 only. */
  readonly precisions?: readonly Precision[];
  /** Whether a second run must give the same bits: for sums whose order could vary. */
  readonly repeats?: boolean;
  /** Limits for errors in float32; default: 1e-5 and 2e-5. */
  readonly tolerance?: { readonly value: number; readonly gradient: number };
}

/** Errors allowed in reduced precision: a few roundings of 2⁻¹¹ and 2⁻⁸. */
const reducedTolerance = {
  float16: { value: 2e-3, gradient: 4e-3 },
  bfloat16: { value: 1.5e-2, gradient: 3e-2 },
};

/** Number of input elements up to which finite differences are used: each costs two runs of the oracle. */
const mostDifferences = 3000;

/** The same, times the number of output elements, which a run's time is proportional to. */
const mostTerms = 500_000;

type Gradients = Readonly<Record<string, ArrayLike<number>>>;

/** The cases for an op, one per precision. */
export function opCases(definition: OpCase): ConformanceCase[] {
  const { op, variant, precisions = ["float32"], tolerance } = definition;
  const shapes = Object.values(definition.inputs).map(({ shape }) => `[${shape.join(",")}]`);
  const title = [op, variant, shapes.join(" ")].filter((part) => part !== undefined).join(" ");
  // Many callers only look at the names, so nothing is computed before a case runs.
  const inputs = once(() => drawInputs(definition.inputs, title));
  const expected = once(() => definition.oracle(inputs()));
  const expectedGradients = once(() => computeGradients(definition, inputs(), title));
  return precisions.map((precision) =>
    defineCase({
      name: `${title} ${precision}`,
      op,
      precision,
      tolerance: precision === "float32"
        ? tolerance ?? { value: 1e-5, gradient: 2e-5 }
        : reducedTolerance[precision],
      measure: async (on) => {
        const wanted = await expectedGradients();
        const found = await evaluate(on, definition, inputs(), title);
        if (definition.repeats) {
          requireSameBits(found, await evaluate(on, definition, inputs(), title));
        }
        return measure(found, { outputs: expected(), gradients: wanted });
      },
    })
  );
}

interface Evaluation {
  readonly outputs: Gradients;
  readonly gradients: Gradients;
}

/** A resumed run must repeat the losses of one that was never stopped. */
function requireSameBits(first: Evaluation, second: Evaluation): void {
  for (const kind of ["outputs", "gradients"] as const) {
    for (const [name, values] of Object.entries(first[kind])) {
      const index = Array.from(values).findIndex((value, i) =>
        !Object.is(value, second[kind][name][i])
      );
      if (index === -1) continue;
      throw new Error(
        `Two runs differ in ${kind} ${name}[${index}]: ${values[index]}, then ` +
          `${second[kind][name][index]}`,
      );
    }
  }
}

function measure(
  found: Evaluation,
  expected: { outputs: NamedValues; gradients: Gradients },
): Measurement {
  let [worst, worstError] = ["", -1];
  const largest = (names: string[], error: (name: string) => number) => {
    if (names.length === 0) return null;
    const errors = names.map((name) => {
      const value = error(name);
      if (value > worstError) [worst, worstError] = [name, value];
      return value;
    });
    return Math.max(...errors);
  };
  const valueError = largest(Object.keys(expected.outputs), (name) => {
    return relativeError(found.outputs[name], expected.outputs[name].data);
  });
  const gradientError = largest(Object.keys(expected.gradients), (name) => {
    return relativeError(found.gradients[name], expected.gradients[name]);
  });
  return { valueError, gradientError, worst };
}

function drawInputs(specs: OpCase["inputs"], title: string): Record<string, Values> {
  const generator = Generator.from(20260101).split(title);
  const entries = Object.entries(specs).map(([name, { shape, value }]) => {
    const draws = generator.split(name);
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, index) => {
      return Math.fround(value === undefined ? draws.normal() : value(index, draws));
    });
    return [name, { shape, data }];
  });
  return Object.fromEntries(entries);
}

/** The gradient fed into the first output. */
function drawOutputGradient(size: number, title: string): Float64Array {
  const draws = Generator.from(20260102).split(title);
  return Float64Array.from({ length: size }, () => Math.fround(draws.normal()));
}

/** Outputs and gradients as computed by a backend. */
async function evaluate(
  on: Context,
  definition: OpCase,
  inputs: NamedValues,
  title: string,
): Promise<Evaluation> {
  const { outputs, gradients } = on.backend.run(() =>
    tf.tidy(() => {
      const tensors: Record<string, Tensor> = {};
      for (const [name, { shape, data }] of Object.entries(inputs)) {
        const dtype = definition.inputs[name].dtype ?? "float32";
        const values = dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data);
        tensors[name] = tf.tensor(values, [...shape], dtype);
      }
      const tape = Tape.open();
      try {
        const outputs = definition.apply(on, tensors);
        if (definition.gradients.length === 0) return { outputs, gradients: {} };
        const [first] = Object.values(outputs);
        const dy = tf.tensor(Float32Array.from(drawOutputGradient(first.size, title)), first.shape);
        const found = tape.gradients(first, definition.gradients.map((name) => tensors[name]), dy);
        const named = definition.gradients.map((name, index) => [name, found[index]]);
        return { outputs, gradients: Object.fromEntries(named) };
      } finally {
        tape.close();
      }
    })
  ) as { outputs: Record<string, Tensor>; gradients: Record<string, Tensor> };
  return { outputs: await takeValues(outputs), gradients: await takeValues(gradients) };
}

async function computeGradients(
  definition: OpCase,
  inputs: NamedValues,
  title: string,
): Promise<Gradients> {
  const { gradients, gradientOracle, oracle } = definition;
  if (gradients.length === 0) return {};
  const [first] = Object.values(oracle(inputs));
  const dy = drawOutputGradient(first.data.length, title);
  if (gradientOracle !== undefined) return gradientOracle(inputs, dy);
  const size = gradients.reduce((sum, name) => sum + inputs[name].data.length, 0);
  const isSmall = size <= mostDifferences && size * dy.length <= mostTerms;
  if (isSmall) return takeDifferences(definition, inputs, dy);
  const backend = await createReferenceBackend();
  try {
    const reference = await evaluate({ backend, precision: "float32" }, definition, inputs, title);
    checkAlongDirection(definition, inputs, dy, reference.gradients);
    return reference.gradients;
  } finally {
    await backend.dispose();
  }
}

/** The scalar Σ dy·output. */
function project(definition: OpCase, inputs: NamedValues, dy: Float64Array): number {
  const [{ data }] = Object.values(definition.oracle(inputs));
  return data.reduce((sum, value, index) => sum + value * dy[index], 0);
}

/** Half the width of a central difference, at which float64 keeps an accuracy of 1e-9. */
const halfStep = 1e-4;

function takeDifferences(definition: OpCase, inputs: NamedValues, dy: Float64Array): Gradients {
  const entries = definition.gradients.map((name) => {
    const { data } = inputs[name];
    const gradient = data.map((value, index) => {
      const at = (moved: number) => {
        data[index] = moved;
        return project(definition, inputs, dy);
      };
      const difference = (at(value + halfStep) - at(value - halfStep)) / (2 * halfStep);
      data[index] = value;
      return difference;
    });
    return [name, gradient];
  });
  return Object.fromEntries(entries);
}

/** The reference's own gradients must agree with the oracle's slope in a random direction. */
function checkAlongDirection(
  definition: OpCase,
  inputs: NamedValues,
  dy: Float64Array,
  gradients: Gradients,
): void {
  for (const name of definition.gradients) {
    const { shape, data } = inputs[name];
    const direction = drawOutputGradient(data.length, `direction of ${name}`);
    const at = (step: number) => {
      const moved = data.map((value, index) => value + step * direction[index]);
      return project(definition, { ...inputs, [name]: { shape, data: moved } }, dy);
    };
    const slope = (at(halfStep) - at(-halfStep)) / (2 * halfStep);
    let [product, length] = [0, 0];
    for (let i = 0; i < data.length; i++) {
      product += gradients[name][i] * direction[i];
      length += gradients[name][i] ** 2;
    }
    if (!(Math.abs(product - slope) <= 1e-4 * Math.sqrt(length))) {
      throw new Error(
        `The reference's gradient of ${name} is wrong: slope ${product}, expected ${slope}`,
      );
    }
  }
}

function once<T>(compute: () => T): () => T {
  let result: { value: T } | undefined;
  return () => (result ??= { value: compute() }).value;
}
