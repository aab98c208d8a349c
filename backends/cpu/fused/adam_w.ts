/** AdamW over all parameters, in place. @module */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { AdamWArguments, Kernels } from "../../kernels.ts";
import { adamWJob, elementItems, sumOfSquaresJob } from "../jobs/elementwise.ts";
import { addressOf, type Runtime } from "../runtime.ts";

/** Multiplications that the update of one element costs, roughly. */
const updateWork = 10;

/** ‖gradients·factor‖ over all of them: partial sums in float32, their sum in float64. */
function gradientNorm(runtime: Runtime, gradients: readonly Tensor[], factor: number): number {
  const { tensors, pool } = runtime;
  let sum = 0;
  for (const gradient of gradients) {
    const items = elementItems(gradient.size);
    const results = tensors.empty([items]);
    pool.run(sumOfSquaresJob, {
      source: addressOf(runtime, gradient),
      count: gradient.size,
      results: addressOf(runtime, results),
      factor,
    }, { items, work: gradient.size });
    for (const part of tensors.view(results)) sum += part;
    results.dispose();
  }
  return Math.fround(Math.sqrt(sum));
}

function update(runtime: Runtime, values: AdamWArguments, factor: number, t: number): void {
  const { beta1, beta2, epsilon, parameters } = values;
  const correction = 1 / Math.sqrt(-Math.expm1(t * Math.log(beta2)));
  parameters.forEach((parameter, index) => {
    const learningRate = values.learningRates[index];
    runtime.pool.run(adamWJob, {
      parameter: addressOf(runtime, parameter),
      gradient: addressOf(runtime, values.gradients[index]),
      first: addressOf(runtime, values.firstMoments[index]),
      second: addressOf(runtime, values.secondMoments[index]),
      count: parameter.size,
      factor,
      beta1,
      beta2,
      decay: 1 - learningRate * values.weightDecays[index],
      rate: learningRate / -Math.expm1(t * Math.log(beta1)),
      correction,
      epsilon,
    }, { items: elementItems(parameter.size), work: parameter.size * updateWork });
  });
}

/** See {@link Kernels.adamW}. */
export function createAdamW(runtime: Runtime): Kernels["adamW"] {
  return (values) => {
    const { maxGradientNorm, growthInterval, scaler } = values;
    const state = runtime.tensors.view(scaler);
    const [scale, goodSteps, steps, skippedSteps] = state;
    const norm = gradientNorm(runtime, values.gradients, 1 / scale);
    const isGood = Number.isFinite(norm);
    if (isGood) {
      const clipping = maxGradientNorm === null ? 1 : Math.min(maxGradientNorm / (norm + 1e-6), 1);
      update(runtime, values, clipping / scale, steps + 1);
      state[2] = steps + 1;
    } else {
      state[3] = skippedSteps + 1;
    }
    if (growthInterval !== null) {
      const grows = isGood && goodSteps + 1 >= growthInterval;
      state[0] = isGood ? (grows ? scale * 2 : scale) : scale / 2;
      state[1] = isGood && !grows ? goodSteps + 1 : 0;
    } else if (!isGood) {
      state[0] = NaN;
    }
    return tf.tensor1d([norm, scale, isGood ? 0 : 1]);
  };
}
