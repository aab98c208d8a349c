/**
 * Convolution, batch norm, ReLU: the building block of feature-map decoders (mmcv's `ConvModule`).
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { batchNorm } from "../../backends/ops/batch_norm.ts";
import { convolution } from "../../backends/ops/convolution.ts";
import type { Parameter } from "../../backends/parameter.ts";
import { constant, type Fill, normal, zeros } from "../initial_values.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";
import { affineSpecs } from "./affine.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";

const epsilon = 1e-5;
/** Share of the running statistics that each batch replaces. */
const momentum = 0.1;

/** A batch norm's parameters and running statistics, under PyTorch's names. */
export function batchNormSpecs(prefix: string, channels: number): ParameterSpec[] {
  const running = (name: string, initialise: Fill): ParameterSpec => {
    return { name: `${prefix}.${name}`, shape: [channels], isTrainable: false, initialise };
  };
  return [
    ...affineSpecs(prefix, [channels]),
    running("running_mean", zeros),
    running("running_var", constant(1)),
  ];
}

/** The parameters of {@link convNorm}; the convolution is N(0, 2/(O·k²)) (mmcv's `kaiming_init`). */
export function convNormSpecs(
  prefix: string,
  { outputs, inputs, side }: { outputs: number; inputs: number; side: number },
): ParameterSpec[] {
  return [
    {
      name: `${prefix}.conv.weight`,
      shape: [outputs, inputs, side, side],
      initialise: normal(Math.sqrt(2 / (outputs * side * side))),
    },
    ...batchNormSpecs(`${prefix}.bn`, outputs),
  ];
}

/**
 * Batch norm of a feature map, x [..., C]. Training uses the statistics of the micro-batch and updates the
 * running ones, unless the step is watched; otherwise the running ones are used.
 */
export function normalizeBatch(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  isTraining: boolean,
): Tensor {
  const [weight, bias] = [parameters.value("weight"), parameters.value("bias")];
  const mean = parameters.parameter("running_mean");
  const variance = parameters.parameter("running_var");
  if (!isTraining) {
    const scale = tf.div(weight, tf.sqrt(tf.add(variance.value, epsilon)));
    return tf.add(tf.mul(tf.sub(x, mean.value), scale), bias);
  }
  const batch = batchNorm(on, x, weight, bias, epsilon);
  if (on.watch !== undefined) return batch.y;
  const rows = x.size / weight.size;
  withoutGradient(() => {
    move(mean, batch.mean);
    // PyTorch keeps the unbiased variance and divides by the biased one.
    move(variance, tf.mul(batch.variance, rows / Math.max(1, rows - 1)));
    return [];
  });
  return batch.y;
}

function move(parameter: Parameter, towards: Tensor): void {
  const kept = tf.mul(parameter.value, 1 - momentum);
  parameter.assign(tf.keep(tf.add(kept, tf.mul(towards, momentum)) as Tensor));
}

/** ReLU(batch norm(convolution)), x [B, H, W, I] → [B, H, W, O]. */
export function convNorm(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  isTraining: boolean,
): Tensor {
  const y = convolution(on, x, parameters.value("conv.weight"));
  return tf.relu(normalizeBatch(on, parameters.scope("bn"), y, isTraining));
}
