/**
 * What pretraining and tokenizer training have in common: the optimizer, the micro-batch and the
 * moments at which a run pauses.
 *
 * @module
 */

import type { Context } from "../backends/backend.ts";
import type { FinetuneConfig, PretrainConfig, TokenizerConfig } from "../configs/schema.ts";
import type { ParameterSet } from "../models/parameter_set.ts";
import { Optimizer } from "../pipeline/optimize/optimizer.ts";
import { parameterGroups } from "../pipeline/optimize/parameter_groups.ts";
import { largestMicroBatch, type ModelFootprint } from "../pipeline/plan.ts";
import type { RunLength } from "./schedule.ts";

/** The config of a task with an optimizer, a schedule and checkpoints. */
type TrainingConfig = PretrainConfig | TokenizerConfig | FinetuneConfig;

/** Sizes of a batch, as every config has them. */
type BatchConfig = Pick<TrainingConfig, "batchSize" | "microBatchSize">;

/** AdamW as a config wants it, over the trainable parameters of a model. */
export function createOptimizer(
  on: Context,
  config: TrainingConfig,
  parameters: ParameterSet,
  depth: number,
): Optimizer {
  const { optimizer, lossScale } = config;
  const { trainable } = parameters;
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
    // bfloat16 has float32's range: nothing to scale.
    lossScaling: on.precision === "float16" ? { ...lossScale } : null,
  });
}

/** Memory that a step may take where nobody said otherwise. */
const defaultMemoryBudget = 8 * 2 ** 30;

/** Images of one forward pass: what the config says, or the largest divisor of the batch that fits. */
export function chooseMicroBatch(
  config: BatchConfig,
  footprint: ModelFootprint,
  budgetBytes = defaultMemoryBudget,
): number {
  const { batchSize, microBatchSize } = config;
  if (microBatchSize === "auto") return largestMicroBatch(footprint, batchSize, budgetBytes);
  return microBatchSize;
}

/** Whether something that happens every so many epochs is due after a step. */
export function isDue(everyEpochs: number | null, step: number, length: RunLength): boolean {
  if (everyEpochs === null) return false;
  return step % Math.max(1, Math.round(everyEpochs * length.stepsPerEpoch)) === 0;
}

/** Whether a checkpoint is due after a step. */
export function isCheckpointDue(
  { checkpoint }: Pick<TrainingConfig, "checkpoint">,
  step: number,
  length: RunLength,
): boolean {
  if (checkpoint.everySteps !== null) return step % checkpoint.everySteps === 0;
  return isDue(checkpoint.everyEpochs, step, length);
}
