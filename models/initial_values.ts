/**
 * Distributions of initial values, and schemes that assign them to layers.
 *
 * @module
 */

import type { Generator } from "../core/generator.ts";
import { sizeOf } from "../core/shapes.ts";
import { normalQuantile } from "./normal_quantile.ts";

/** Draws the values of a parameter, row-major, from its own generator. */
export type Fill = (generator: Generator, shape: readonly number[]) => Float32Array;

/** The initial values of a linear layer or convolution, each of whose outputs sums over `inputs` numbers. */
export type AffineStart = (inputs: number) => { readonly weight: Fill; readonly bias: Fill };

/** The initial values of transformer blocks. */
export interface BlockStart {
  /** Weights and biases of the attention's projections. */
  readonly attention: AffineStart;
  /** Weights and biases of the MLP. */
  readonly mlp: AffineStart;
  /** Of a block's own relative-position table. */
  readonly positionTable: Fill;
  /** Whether block i scales the two matrices that write to the residual stream by 1/√(2(i + 1)). */
  readonly scalesDown: boolean;
}

/** The initial values that differ between variants. */
export interface InitScheme {
  /** Of learned tokens and positions. */
  readonly token: Fill;
  /** The projection of patches. */
  readonly patchEmbedding: AffineStart;
  /** Every transformer block. */
  readonly blocks: BlockStart;
  /** Of the aggregation branch. */
  readonly aggregation: BlockStart;
  /** Of a classifier's last layer. */
  readonly head: AffineStart;
  /** Of all other linear layers and convolutions. */
  readonly linear: AffineStart;
}

/** Standard deviation of the truncated normal distributions. */
const deviation = 0.02;

export const zeros: Fill = (_, shape) => new Float32Array(sizeOf(shape));

export function constant(value: number): Fill {
  return (_, shape) => new Float32Array(sizeOf(shape)).fill(value);
}

/** One draw per value, in order. */
function each(draw: (generator: Generator) => number): Fill {
  return (generator, shape) => new Float32Array(sizeOf(shape)).map(() => draw(generator));
}

export function normal(deviation: number): Fill {
  return each((generator) => generator.normal(0, deviation));
}

export function uniform(bound: number): Fill {
  return each((generator) => generator.uniform(-bound, bound));
}

/**
 * N(0, 0.02²) between two of its quantiles, with one draw per value through the inverse distribution.
 *
 * @param outside probability that is cut off on either side
 */
function truncatedNormal(outside: number): Fill {
  const step = (1 - 2 * outside) / 2 ** 32;
  return each((generator) => {
    return deviation * normalQuantile(outside + (generator.bits() + 0.5) * step);
  });
}

/** unilm truncates at ±0.02 in pretraining, timm (and mmselfsup) at ±2, which has no effect. */
export const cutNarrow: Fill = truncatedNormal(0.15865525393145707);
export const cutWide: Fill = truncatedNormal(0);

/** Inputs that each output of a weight sums over. */
export function fanIn(shape: readonly number[]): number {
  return sizeOf(shape.slice(1));
}

/** Uniform, scaled by the numbers of inputs and outputs (Glorot and Bengio 2010). */
export const xavier: Fill = (generator, shape) =>
  uniform(Math.sqrt(6 / (fanIn(shape) + shape[0])))(generator, shape);

/** Random directions, [K, D]: a codebook that has not seen any data. */
export const unitRows: Fill = (generator, shape) => {
  const values = normal(1)(generator, shape);
  const dim = shape[1];
  for (let start = 0; start < values.length; start += dim) {
    const row = values.subarray(start, start + dim);
    const length = Math.hypot(...row);
    for (let i = 0; i < dim; i++) row[i] /= length;
  }
  return values;
};

export function scaled(fill: Fill, factor: number): Fill {
  return (generator, shape) => fill(generator, shape).map((value) => value * factor);
}

/** A weight drawn by `fill`, a bias of zeros. */
export function matrix(fill: Fill): AffineStart {
  return () => ({ weight: fill, bias: zeros });
}

/** PyTorch's default for a linear layer or convolution, for both weight and bias. */
export const torchDefault: AffineStart = (inputs) => {
  const fill = uniform(1 / Math.sqrt(inputs));
  return { weight: fill, bias: fill };
};

/** Scales the weight of `start`. */
export function withScaledWeight(start: AffineStart, factor: number): AffineStart {
  return (inputs) => {
    const { weight, bias } = start(inputs);
    return { weight: scaled(weight, factor), bias };
  };
}
