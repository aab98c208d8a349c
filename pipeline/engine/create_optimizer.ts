/** The optimizer of a config. @module */

import type { Context } from "../../backends/backend.ts";
import type { Parameter } from "../../backends/parameter.ts";
import type { RunConfig } from "../../configs/task.ts";
import type { OptimizerConfig } from "../../configs/sections/optimization.ts";
import { Optimizer } from "../optimize/optimizer.ts";
import { parameterGroups } from "../optimize/parameter_groups.ts";

/** The config of a method with an optimizer, a schedule and checkpoints. */
export interface TrainingConfig extends RunConfig {
  /** AdamW, as the section `optimizer` has it. */
  readonly optimizer: OptimizerConfig;
}

/** AdamW, as configured. */
export function createOptimizer(
  on: Context,
  config: TrainingConfig,
  trainable: readonly Parameter[],
  depth: number,
): Optimizer {
  const { optimizer, lossScale } = config;
  const groups = parameterGroups(trainable, {
    variant: optimizer.noDecayRule,
    weightDecay: optimizer.weightDecay,
    multipliers: Object.entries(optimizer.lrMultipliers)
      .map(([pattern, factor]) => ({ pattern, factor })),
    ...(optimizer.layerDecay < 1 ? { layerDecay: { rate: optimizer.layerDecay, depth } } : {}),
  });
  return Optimizer.create(on, trainable, groups, {
    beta1: optimizer.betas[0],
    beta2: optimizer.betas[1],
    epsilon: optimizer.epsilon,
    maxGradientNorm: optimizer.clipGradNorm,
    // bfloat16 has float32's range, so there is nothing to scale.
    lossScaling: on.precision === "float16" ? { ...lossScale } : null,
  });
}
