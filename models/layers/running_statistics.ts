/**
 * The running mean and variance of a batch norm.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Parameter } from "../../backends/parameter.ts";
import { constant, type Fill, zeros } from "../initial_values.ts";
import type { ParameterSpec } from "../parameter_set.ts";

/** Share of the running statistics that each batch replaces. */
const momentum = 0.1;

/** The two statistics of `width` channels under the given names. */
export function runningSpecs(mean: string, variance: string, width: number): ParameterSpec[] {
  const running = (name: string, initialise: Fill): ParameterSpec => {
    return { name, shape: [width], isTrainable: false, initialise };
  };
  return [running(mean, zeros), running(variance, constant(1))];
}

/** Moves the statistics towards those of a batch of `rows` rows; call it without a gradient. */
export function moveStatistics(
  mean: Parameter,
  variance: Parameter,
  batch: { readonly mean: Tensor; readonly variance: Tensor },
  rows: number,
): void {
  const move = (parameter: Parameter, towards: Tensor) => {
    const kept = tf.mul(parameter.value, 1 - momentum);
    parameter.assign(tf.keep(tf.add(kept, tf.mul(towards, momentum)) as Tensor));
  };
  move(mean, batch.mean);
  // PyTorch keeps the unbiased variance and divides by the biased one.
  move(variance, tf.mul(batch.variance, rows / Math.max(1, rows - 1)));
}
