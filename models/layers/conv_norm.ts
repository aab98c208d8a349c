/**
 * Convolution, batch norm, ReLU: the building block of feature-map decoders (mmcv's `ConvModule`).
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { batchNorm } from "../../backends/ops/batch_norm.ts";
import { convolution } from "../../backends/ops/convolution.ts";
import { normal } from "../initial_values.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";
import { affineSpecs } from "./affine.ts";
import { moveStatistics, runningSpecs } from "./running_statistics.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";

const epsilon = 1e-5;

/** A batch norm's parameters and running statistics, under PyTorch's names. */
export function batchNormSpecs(prefix: string, channels: number): ParameterSpec[] {
  return [
    ...affineSpecs(prefix, [channels]),
    ...runningSpecs(`${prefix}.running_mean`, `${prefix}.running_var`, channels),
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
  withoutGradient(() => {
    moveStatistics(mean, variance, batch, x.size / weight.size);
    return [];
  });
  return batch.y;
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
