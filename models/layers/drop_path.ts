/**
 * Drop path (stochastic depth): drops whole residual branches, sample by sample.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Generator } from "../../core/generator.ts";

/** `linspace(0, rate, length)`: the rate of each block. */
export function dropPathRates(rate: number, length: number): number[] {
  return Array.from({ length }, (_, index) => length > 1 ? rate * index / (length - 1) : 0);
}

/**
 * For each sample 0 (branch dropped) or 1/(1 − rate), as a tensor [batch]; null if `rate` is 0.
 *
 * @param first number of samples in the same step, in other micro-batches, whose draws come first
 *
 * @example With a rate of 0 nothing is drawn
 * ```ts
 * import { Generator } from "../../core/generator.ts";
 * import { drawKeep } from "./drop_path.ts";
 * if (drawKeep(Generator.from(0), 4, 0) !== null) throw new Error();
 * ```
 */
export function drawKeep(
  generator: Generator,
  batch: number,
  rate: number,
  first = 0,
): Float32Array | null {
  if (rate === 0) return null;
  const keep = 1 / (1 - rate);
  for (let sample = 0; sample < first; sample++) generator.next();
  return Float32Array.from({ length: batch }, () => generator.next() < rate ? 0 : keep);
}

/** Where a training forward pass draws from. */
export interface DropPathDraws {
  /** The step's generator: a sample's draws depend on its position in the step, not on its micro-batch. */
  readonly generator: Generator;
  /** Position in the step of the batch's first sample. */
  readonly first: number;
}

/** Where a forward pass draws its drop path from; null outside training. */
export interface DropPathSource extends DropPathDraws {
  readonly batch: number;
  /** Draw twice for the MLP branch, as mmselfsup does. */
  readonly twice: boolean;
}

/** The `keep` tensors [B] of one block's two branches. */
export function drawBlockKeep(
  source: DropPathSource | null,
  label: string,
  rate: number,
): [Tensor | null, Tensor | null] {
  if (source === null || rate === 0) return [null, null];
  const { batch, twice, first } = source;
  const draw = (branch: string) => {
    return drawKeep(source.generator.split("dropPath", label, branch), batch, rate, first)!;
  };
  const attention = draw("attention");
  const mlp = draw("mlp");
  if (twice) {
    const again = draw("mlpAgain");
    for (let sample = 0; sample < batch; sample++) mlp[sample] *= again[sample];
  }
  return [tf.tensor1d(attention), tf.tensor1d(mlp)];
}
