/** Cases for the ops that transformer layers consist of. @module */

import { tf } from "../../deps/tfjs.ts";
import type { Activation } from "../kernels.ts";
import { attention, attentionWeights } from "../ops/attention.ts";
import { layerNorm } from "../ops/layer_norm.ts";
import { linear } from "../ops/linear.ts";
import { residual } from "../ops/residual.ts";
import { roundGradient, roundTo, roundValue } from "../ops/round_to.ts";
import type { ConformanceCase } from "./case.ts";
import { allPrecisions, type InputSpec, type OpCase, opCases } from "./op_case.ts";
import * as oracles from "./oracles.ts";

/** Weights small enough that outputs are about as large as inputs. */
function weightSpec(outputs: number, inputs: number): InputSpec {
  const deviation = 1 / Math.sqrt(inputs);
  return {
    shape: [outputs, inputs],
    value: (_index, generator) => generator.normal(0, deviation),
  };
}

interface LinearShape {
  x: readonly number[];
  outputs: number;
  activation?: Activation;
  bias?: boolean;
  /** Values of x, if special. */
  value?: InputSpec["value"];
  variant?: string;
  needsInputGradient?: boolean;
  gradients?: readonly string[];
  precisions?: OpCase["precisions"];
}

function linearCase(shape: LinearShape): ConformanceCase[] {
  const { x, outputs, activation = "none", bias = true, needsInputGradient = true } = shape;
  const special = [
    shape.variant,
    activation === "none" ? undefined : activation,
    bias ? undefined : "no bias",
    needsInputGradient ? undefined : "no input gradient",
  ].filter((part) => part !== undefined);
  const gradients = shape.gradients ??
    [...(needsInputGradient ? ["x"] : []), "weight", ...(bias ? ["bias"] : [])];
  return opCases({
    op: "linear",
    variant: special.length === 0 ? undefined : special.join(", "),
    inputs: {
      x: { shape: x, value: shape.value },
      weight: weightSpec(outputs, x[x.length - 1]),
      ...(bias ? { bias: { shape: [outputs] } } : {}),
    },
    apply: (on, { x, weight, bias }) => ({
      y: linear(on, x, weight, bias ?? null, { activation, needsInputGradient }),
    }),
    oracle: ({ x, weight, bias }) => ({
      y: oracles.linear(x, weight, bias ?? null, oracles.activations[activation]),
    }),
    gradients,
    precisions: shape.precisions ?? allPrecisions,
    repeats: x[0] === 394,
  });
}

/** NaN at flat index 4; everything else as usual. */
function special(what: number): InputSpec["value"] {
  return (index, generator) => index === 4 ? what : generator.normal();
}

const linearCases = () => [
  ...linearCase({ x: [1, 1], outputs: 1 }),
  ...linearCase({ x: [1, 17], outputs: 9, activation: "gelu" }),
  ...linearCase({ x: [5, 7], outputs: 6, bias: false }),
  ...linearCase({ x: [6, 5], outputs: 7, activation: "tanh" }),
  ...linearCase({ x: [7, 3], outputs: 5, activation: "quickGelu" }),
  ...linearCase({ x: [17, 15], outputs: 9, activation: "gelu" }),
  ...linearCase({ x: [2, 17, 12], outputs: 20 }),
  ...linearCase({ x: [3, 5, 8], outputs: 4, activation: "gelu", bias: false }),
  ...linearCase({ x: [9, 6], outputs: 5, needsInputGradient: false }),
  ...linearCase({ x: [131, 67], outputs: 93, activation: "gelu" }),
  ...linearCase({ x: [1, 197, 192], outputs: 256, activation: "gelu" }),
  ...linearCase({ x: [394, 128], outputs: 384 }),
  ...linearCase({ x: [37, 24], outputs: 64, activation: "tanh" }),
  ...linearCase({ x: [530, 9], outputs: 32, activation: "quickGelu" }),
  // Far from zero, both branches of the activation are flat.
  ...linearCase({
    x: [4, 3],
    outputs: 5,
    activation: "gelu",
    variant: "large values",
    value: (_index, generator) => generator.uniform(-12, 12),
  }),
  // NaN must propagate, and stay in its row.
  ...linearCase({ x: [3, 4], outputs: 3, variant: "NaN", value: special(NaN), gradients: [] }),
  ...linearCase({ x: [3, 4], outputs: 3, variant: "Inf", value: special(Infinity), gradients: [] }),
  ...overflowCase(),
];

/** Beyond float16's range an operand is infinite, which is what the dynamic loss scale relies on. */
function overflowCase(): ConformanceCase[] {
  return opCases({
    op: "linear",
    variant: "overflow",
    inputs: {
      x: { shape: [2, 3], value: (index) => index === 1 ? 1e5 : 1 },
      weight: { shape: [4, 3], value: () => 0.5 },
    },
    apply: (on, { x, weight }) => ({ y: linear(on, x, weight, null) }),
    oracle: () => ({ y: oracles.fill([2, 4], (index) => index < 4 ? Infinity : 1.5) }),
    gradients: [],
    precisions: ["float16"],
  });
}

/** In reduced precisions, what only products read may be rounded. */
function multipliedNormCase(x: readonly number[]): ConformanceCase[] {
  return layerNormCase(x, {
    variant: "only multiplied",
    apply: (on, { x, weight, bias }) => ({
      y: layerNorm(on, x, weight, bias, 1e-6, { isOnlyMultiplied: true }),
    }),
    precisions: allPrecisions,
  });
}

/** As in a block, where the residual passes on what the norm reads: two gradients meet in `x`. */
function passedOnNormCase(x: readonly number[]): ConformanceCase[] {
  return layerNormCase(x, {
    variant: "passed on",
    apply: (on, { x, weight, bias }) => ({
      y: tf.add(layerNorm(on, x, weight, bias, 1e-6), x),
    }),
    oracle: ({ x, weight, bias }) => {
      const normed = oracles.layerNorm(x, weight, bias, 1e-6);
      return { y: oracles.fill(x.shape, (index) => normed.data[index] + x.data[index]) };
    },
  });
}

function layerNormCase(x: readonly number[], options: Partial<OpCase> = {}): ConformanceCase[] {
  const width = x[x.length - 1];
  return opCases({
    op: "layerNorm",
    inputs: { x: { shape: x }, weight: { shape: [width] }, bias: { shape: [width] } },
    apply: (on, { x, weight, bias }) => ({ y: layerNorm(on, x, weight, bias, 1e-6) }),
    oracle: ({ x, weight, bias }) => ({ y: oracles.layerNorm(x, weight, bias, 1e-6) }),
    gradients: ["x", "weight", "bias"],
    ...options,
  });
}

const layerNormCases = () => [
  ...multipliedNormCase([19, 64]),
  ...passedOnNormCase([7, 33]),
  ...passedOnNormCase([130, 200]),
  ...layerNormCase([1, 5]),
  ...layerNormCase([17, 33]),
  ...layerNormCase([3, 5, 15]),
  ...layerNormCase([2, 197, 192], { repeats: true }),
  ...layerNormCase([5, 768]),
  ...layerNormCase([33, 769]),
  ...layerNormCase([130, 200]),
  // A mean that is large compared with the deviation: variance must not be computed as E[x²] −
  // E[x]².
  ...layerNormCase([4, 16], {
    variant: "offset",
    inputs: {
      x: { shape: [4, 16], value: (_index, generator) => generator.normal(300, 1) },
      weight: { shape: [16] },
      bias: { shape: [16] },
    },
    tolerance: { value: 1e-4, gradient: 2e-4 },
  }),
  ...layerNormCase([3, 4], {
    variant: "NaN",
    inputs: {
      x: { shape: [3, 4], value: special(NaN) },
      weight: { shape: [4] },
      bias: { shape: [4] },
    },
    gradients: [],
  }),
];

interface AttentionShape {
  batch: number;
  tokens: number;
  heads: number;
  size: number;
  bias?: boolean;
  variant?: string;
  value?: InputSpec["value"];
  gradients?: readonly string[];
  precisions?: OpCase["precisions"];
}

function attentionCase(op: "attention" | "attentionWeights", shape: AttentionShape) {
  const { batch, tokens, heads, size, bias = true } = shape;
  const scale = size ** -0.5;
  return opCases({
    op,
    variant: [`${heads} heads`, bias ? undefined : "no bias", shape.variant]
      .filter((part) => part !== undefined).join(", "),
    inputs: {
      qkv: { shape: [batch, tokens, 3 * heads * size], value: shape.value },
      ...(bias ? { bias: { shape: [heads, tokens, tokens] } } : {}),
    },
    apply: (on, { qkv, bias }) => ({
      y: op === "attention"
        ? attention(on, qkv, bias ?? null, { heads, scale })
        : attentionWeights(on, qkv, bias ?? null, { heads, scale }),
    }),
    oracle: ({ qkv, bias }) => {
      const { weights, y } = oracles.attention(qkv, bias ?? null, heads, scale);
      return { y: op === "attention" ? y : weights };
    },
    gradients: shape.gradients ?? (op === "attention" ? ["qkv", ...(bias ? ["bias"] : [])] : []),
    precisions: shape.precisions ?? (op === "attention" ? allPrecisions : ["float32"]),
    repeats: tokens === 65,
  });
}

const attentionCases = () => [
  ...attentionCase("attention", { batch: 1, tokens: 1, heads: 1, size: 1 }),
  ...attentionCase("attention", { batch: 2, tokens: 5, heads: 3, size: 5 }),
  ...attentionCase("attention", { batch: 1, tokens: 17, heads: 3, size: 5 }),
  ...attentionCase("attention", { batch: 3, tokens: 7, heads: 2, size: 4, bias: false }),
  ...attentionCase("attention", { batch: 5, tokens: 17, heads: 2, size: 8 }),
  ...attentionCase("attention", { batch: 2, tokens: 65, heads: 3, size: 16 }),
  ...attentionCase("attention", { batch: 2, tokens: 65, heads: 2, size: 32 }),
  ...attentionCase("attention", { batch: 1, tokens: 197, heads: 2, size: 64 }),
  ...attentionCase("attention", { batch: 2, tokens: 50, heads: 1, size: 96, bias: false }),
  // Logits of several hundred: the softmax must subtract its maximum.
  ...attentionCase("attention", {
    batch: 1,
    tokens: 6,
    heads: 2,
    size: 4,
    variant: "large values",
    value: (_index, generator) => generator.normal(0, 20),
    gradients: [],
    precisions: ["float32"],
  }),
  ...attentionCase("attention", {
    batch: 2,
    tokens: 3,
    heads: 1,
    size: 2,
    variant: "NaN",
    value: special(NaN),
    gradients: [],
  }),
  ...attentionCase("attentionWeights", { batch: 2, tokens: 9, heads: 3, size: 5 }),
  ...attentionCase("attentionWeights", { batch: 1, tokens: 17, heads: 2, size: 8, bias: false }),
];

function residualCase(
  shape: readonly number[],
  { gamma, keep }: { gamma: boolean; keep: boolean },
): ConformanceCase[] {
  const parts = [gamma ? "gamma" : undefined, keep ? "keep" : undefined]
    .filter((part) => part !== undefined);
  return opCases({
    op: "residual",
    variant: parts.length === 0 ? "plain" : parts.join(", "),
    inputs: {
      x: { shape },
      branch: { shape },
      ...(gamma ? { gamma: { shape: shape.slice(-1) } } : {}),
      ...(keep ? { keep: { shape: [shape[0]], value: (index) => index % 2 * 1.25 } } : {}),
    },
    apply: (on, { x, branch, gamma, keep }) => ({
      y: residual(on, x, branch, gamma ?? null, keep ?? null),
    }),
    oracle: ({ x, branch, gamma, keep }) => ({
      y: oracles.residual(x, branch, gamma ?? null, keep ?? null),
    }),
    gradients: ["x", "branch", ...(gamma ? ["gamma"] : [])],
    repeats: shape[1] === 65,
  });
}

const residualCases = () => [
  ...residualCase([1, 1, 1], { gamma: true, keep: true }),
  ...residualCase([2, 5, 7], { gamma: false, keep: false }),
  ...residualCase([3, 5, 6], { gamma: true, keep: false }),
  ...residualCase([4, 3, 5], { gamma: false, keep: true }),
  ...residualCase([3, 17, 15], { gamma: true, keep: true }),
  ...residualCase([4, 65, 192], { gamma: true, keep: true }),
  ...residualCase([3, 50, 132], { gamma: true, keep: false }),
  ...residualCase([7, 6], { gamma: true, keep: true }),
];

/** Rounding passes gradients through, rounded or not. */
const roundingCases = () =>
  Object.entries({ roundTo, roundValue, roundGradient }).flatMap(([op, round]) =>
    opCases({
      op,
      inputs: { x: { shape: [7, 5] } },
      apply: (on, { x }) => ({ y: round(on, x) }),
      oracle: ({ x }) => ({ y: x }),
      gradients: ["x"],
      gradientOracle: (_inputs, dy) => ({ x: dy }),
      precisions: allPrecisions,
    })
  );

/** Linear, layer norm, attention, residual, and the rounding of reduced precision. */
export function layerCases(): ConformanceCase[] {
  return [linearCases, layerNormCases, attentionCases, residualCases, roundingCases]
    .flatMap((casesOf) => casesOf());
}
