/** AdamW over all parameters, in place. @module */

import { tf } from "../../../../deps/tfjs.ts";
import type { AdamWArguments } from "../../../kernels.ts";
import { addressOf, type Runtime, withScratch } from "../../runtime.ts";
import { elementItems, elementsOfItem } from "../../threads/stretches.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";
import { adamWJob, gradientSquaresJob, rowLength } from "./job.ts";

/** Roughly how many multiplications the update of one element costs. */
const updateWork = 10;

/** The parameters in stretches: their table in the memory, and how many there are. */
interface Stretches {
  readonly table: number;
  readonly items: number;
  /** Elements of all parameters. */
  readonly size: number;
}

/** Calls `use` with the stretches of all parameters; `t` is the number of the step, from 1. */
function withStretches<T>(
  runtime: Runtime,
  values: AdamWArguments,
  t: number,
  use: (stretches: Stretches) => T,
): T {
  const { parameters, gradients, firstMoments, secondMoments, beta1 } = values;
  const size = parameters.reduce((sum, parameter) => sum + parameter.size, 0);
  const items = parameters.reduce((sum, parameter) => sum + elementItems(parameter.size), 0);
  const length = items * rowLength;
  return withScratch(runtime, length * 8, (table) => {
    const rows = new Float64Array(runtime.tensors.arena.buffer as ArrayBuffer, table, length);
    const correction = -Math.expm1(t * Math.log(beta1));
    let place = 0;
    parameters.forEach((parameter, index) => {
      const tensors = [parameter, gradients[index], firstMoments[index], secondMoments[index]];
      const addresses = tensors.map((tensor) => addressOf(runtime, tensor));
      const rate = values.learningRates[index];
      for (let part = 0; part < elementItems(parameter.size); part++) {
        const { offset, length } = elementsOfItem(parameter.size, part);
        for (const address of addresses) rows[place++] = address + offset;
        rows[place++] = length;
        rows[place++] = 1 - rate * values.weightDecays[index];
        rows[place++] = rate / correction;
      }
    });
    return use({ table, items, size });
  });
}

/** ‖gradients·factor‖ over all of them: partial sums in float32, their sum in float64. */
function gradientNorm(runtime: Runtime, { table, items, size }: Stretches, factor: number): number {
  const { tensors, pool } = runtime;
  const results = tensors.empty([items]);
  const values = { table, results: addressOf(runtime, results), factor };
  pool.run(gradientSquaresJob, values, { items, work: size });
  let sum = 0;
  for (const part of tensors.view(results)) sum += part;
  results.dispose();
  return Math.fround(Math.sqrt(sum));
}

function update(
  { pool }: Runtime,
  { beta1, beta2, epsilon }: AdamWArguments,
  { table, items, size }: Stretches,
  { factor, t }: { factor: number; t: number },
): void {
  const correction = 1 / Math.sqrt(-Math.expm1(t * Math.log(beta2)));
  const values = { table, factor, beta1, beta2, correction, epsilon };
  pool.run(adamWJob, values, { items, work: size * updateWork });
}

export const adamW: CpuKernel<"adamW"> = {
  descriptions,
  create(runtime) {
    return (values) => {
      const { maxGradientNorm, growthInterval, scaler } = values;
      const state = runtime.tensors.view(scaler);
      const [scale, goodSteps, steps, skippedSteps] = state;
      const t = steps + 1;
      const norm = withStretches(runtime, values, t, (stretches) => {
        const norm = gradientNorm(runtime, stretches, 1 / scale);
        if (!Number.isFinite(norm)) return norm;
        const clipping = maxGradientNorm === null
          ? 1
          : Math.min(maxGradientNorm / (norm + 1e-6), 1);
        update(runtime, values, stretches, { factor: clipping / scale, t });
        return norm;
      });
      const isGood = Number.isFinite(norm);
      if (isGood) state[2] = t;
      else state[3] = skippedSteps + 1;
      if (growthInterval !== null) {
        const grows = isGood && goodSteps + 1 >= growthInterval;
        state[0] = isGood ? (grows ? scale * 2 : scale) : scale / 2;
        state[1] = isGood && !grows ? goodSteps + 1 : 0;
      } else if (!isGood) {
        state[0] = NaN;
      }
      return tf.tensor1d([norm, scale, isGood ? 0 : 1]);
    };
  },
};
