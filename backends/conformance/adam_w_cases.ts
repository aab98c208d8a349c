/** Cases for AdamW: several steps, with all of its state, against float64. @module */

import { tf } from "../../deps/tfjs.ts";
import { Generator } from "../../core/generator.ts";
import { sizeOf } from "../../core/shapes.ts";
import type { Context } from "../backend.ts";
import { adamW, type AdamWOptions } from "../ops/adam_w.ts";
import { Parameter } from "../parameter.ts";
import { type ConformanceCase, defineCase, relativeError, takeValues } from "./case.ts";

interface AdamWCase {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly options: Partial<AdamWOptions>;
  readonly lossScale?: number;
  /** By step: what to replace the first number of the first gradient with. */
  readonly accidents?: Readonly<Record<number, number>>;
  readonly steps: number;
}

/** Everything AdamW changes, and what it reports. */
interface State {
  parameters: Float64Array[];
  firstMoments: Float64Array[];
  secondMoments: Float64Array[];
  scaler: number[];
  report: number[];
}

function optionsOf({ shapes, options }: AdamWCase): AdamWOptions {
  return {
    learningRates: shapes.map((_, index) => 0.05 * (index + 1)),
    weightDecays: shapes.map((_, index) => index % 2 * 0.3),
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    maxGradientNorm: null,
    growthInterval: null,
    ...options,
  };
}

function drawGradients(definition: AdamWCase, step: number): Float32Array[] {
  const { shapes, lossScale = 1, accidents = {} } = definition;
  const generator = Generator.from(20260103).split(definition.name, step);
  const gradients = shapes.map((shape) =>
    Float32Array.from({ length: sizeOf(shape) }, () => lossScale * generator.normal())
  );
  if (step in accidents) gradients[0][0] = accidents[step];
  return gradients;
}

function startOf({ name, shapes, lossScale = 1 }: AdamWCase): State {
  const generator = Generator.from(20260104).split(name);
  const zeros = () => shapes.map((shape) => new Float64Array(sizeOf(shape)));
  return {
    parameters: zeros().map((values) => values.map(() => Math.fround(generator.normal()))),
    firstMoments: zeros(),
    secondMoments: zeros(),
    scaler: [lossScale, 0, 0, 0],
    report: [],
  };
}

/** One step in float64, in place. */
function stepExactly(state: State, gradients: Float32Array[], options: AdamWOptions): void {
  const { beta1, beta2, epsilon, maxGradientNorm, growthInterval } = options;
  const [scale, goodSteps] = state.scaler;
  const squares = gradients.map((g) => g.reduce((sum, value) => sum + (value / scale) ** 2, 0));
  const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  const isGood = Number.isFinite(norm);
  state.report = [norm, scale, isGood ? 0 : 1];
  if (growthInterval !== null) {
    const grows = isGood && goodSteps + 1 >= growthInterval;
    state.scaler[0] = isGood ? (grows ? 2 * scale : scale) : scale / 2;
    state.scaler[1] = isGood && !grows ? goodSteps + 1 : 0;
  } else if (!isGood) {
    state.scaler[0] = NaN;
  }
  if (!isGood) {
    state.scaler[3]++;
    return;
  }
  const t = ++state.scaler[2];
  const clip = maxGradientNorm === null ? 1 : Math.min(1, maxGradientNorm / (norm + 1e-6));
  gradients.forEach((gradient, p) => {
    const [lr, decay] = [options.learningRates[p], options.weightDecays[p]];
    gradient.forEach((scaled, i) => {
      const g = scaled / scale * clip;
      const m = state.firstMoments[p][i] = beta1 * state.firstMoments[p][i] + (1 - beta1) * g;
      const v = state.secondMoments[p][i] = beta2 * state.secondMoments[p][i] + (1 - beta2) * g * g;
      const denominator = Math.sqrt(v) / Math.sqrt(1 - beta2 ** t) + epsilon;
      const value = state.parameters[p][i];
      state.parameters[p][i] = value * (1 - lr * decay) - lr / (1 - beta1 ** t) * m / denominator;
    });
  });
}

async function stepOn(on: Context, definition: AdamWCase): Promise<Record<string, unknown>> {
  const { shapes, steps } = definition;
  const start = startOf(definition);
  const hold = (name: string, values: readonly Float64Array[]) =>
    values.map((data, p) => {
      return new Parameter(`${name}${p}`, tf.tensor(Float32Array.from(data), [...shapes[p]]));
    });
  const state = on.backend.run(() => ({
    parameters: hold("parameter", start.parameters),
    firstMoments: hold("firstMoment", start.firstMoments),
    secondMoments: hold("secondMoment", start.secondMoments),
    scaler: new Parameter("scaler", tf.tensor1d(start.scaler)),
  }));
  let report: Record<string, ArrayLike<number>> = {};
  for (let step = 0; step < steps; step++) {
    const tensor = on.backend.run(() =>
      tf.tidy(() => {
        const drawn = drawGradients(definition, step);
        const gradients = drawn.map((data, p) => tf.tensor(data, [...shapes[p]]));
        return adamW(on, state, gradients, optionsOf(definition));
      })
    );
    report = await takeValues({ report: tensor });
  }
  const { scaler, ...lists } = state;
  const named = Object.values(lists).flat().map(({ name, value }) => [name, value]);
  return {
    ...await takeValues({ ...Object.fromEntries(named), scaler: scaler.value }),
    ...report,
  };
}

function expectedOf(definition: AdamWCase): Record<string, ArrayLike<number>> {
  const state = startOf(definition);
  for (let step = 0; step < definition.steps; step++) {
    stepExactly(state, drawGradients(definition, step), optionsOf(definition));
  }
  const named = (name: string, values: Float64Array[]) => {
    return Object.fromEntries(values.map((data, p) => [`${name}${p}`, data]));
  };
  return {
    ...named("parameter", state.parameters),
    ...named("firstMoment", state.firstMoments),
    ...named("secondMoment", state.secondMoments),
    scaler: state.scaler,
    report: state.report,
  };
}

function adamWCase(definition: AdamWCase): ConformanceCase {
  const shapes = definition.shapes.map((shape) => `[${shape.join(",")}]`).join(" ");
  return defineCase({
    name: `adamW ${definition.name} ${shapes} float32`,
    op: "adamW",
    precision: "float32",
    tolerance: { value: 5e-6, gradient: 0 },
    measure: async (on) => {
      const found = await stepOn(on, definition) as Record<string, ArrayLike<number>>;
      const errors = Object.entries(expectedOf(definition)).map(([name, values]) => {
        return { name, error: relativeError(found[name], values) };
      });
      const worst = errors.reduce((a, b) => b.error > a.error ? b : a);
      return { valueError: worst.error, gradientError: null, worst: worst.name };
    },
  });
}

/** AdamW. */
export function adamWCases(): ConformanceCase[] {
  const shapes = [[5, 7], [1], [17], [3, 4, 2]];
  const scaled = { growthInterval: 3 };
  const definitions: AdamWCase[] = [
    { name: "one step", shapes: [[3]], options: {}, steps: 1 },
    // 1 − 0.999 in float32 is wrong in its fifth digit.
    { name: "beta2 0.999", shapes, options: { beta2: 0.999 }, steps: 1 },
    { name: "five steps", shapes, options: {}, steps: 5 },
    { name: "many elements", shapes: [[300, 33], [129], [1, 1, 5]], options: {}, steps: 2 },
    { name: "clipped", shapes, options: { maxGradientNorm: 0.5 }, steps: 3 },
    { name: "below the limit", shapes, options: { maxGradientNorm: 1e3 }, steps: 2 },
    { name: "scale grows", shapes, options: scaled, lossScale: 1024, steps: 7 },
    {
      name: "skips Infinity",
      shapes,
      options: { ...scaled, maxGradientNorm: 3 },
      lossScale: 65536,
      accidents: { 0: Infinity, 3: -Infinity },
      steps: 6,
    },
    {
      name: "skips NaN, at last",
      shapes,
      options: scaled,
      lossScale: 65536,
      accidents: { 2: NaN },
      steps: 3,
    },
    { name: "float32 stops at NaN", shapes, options: {}, accidents: { 1: NaN }, steps: 2 },
    { name: "float32 stays stopped", shapes, options: {}, accidents: { 1: NaN }, steps: 4 },
  ];
  return definitions.map(adamWCase);
}
