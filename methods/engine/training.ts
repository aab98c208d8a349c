/**
 * What pretraining and tokenizer training have in common: the optimizer, the micro-batch and the
 * moments at which a run pauses.
 *
 * @module
 */

import { communicatorOf, type Context } from "../../backends/backend.ts";
import type {
  FinetuneConfig,
  PretrainConfig,
  SegmentConfig,
  TokenizerConfig,
} from "../../configs/schema.ts";
import { UserError } from "../../core/errors.ts";
import type { ParameterSet } from "../../models/parameter_set.ts";
import { Optimizer } from "../../pipeline/optimize/optimizer.ts";
import { parameterGroups } from "../../pipeline/optimize/parameter_groups.ts";
import {
  largestMicroBatch,
  type MemoryPlan,
  type ModelFootprint,
  planMemory,
  type StepOptions,
} from "../../pipeline/plan.ts";
import type { RunOptions, RunSession } from "./session.ts";
import type { LoaderShare, RunLength } from "./schedule.ts";

/** The config of a task with an optimizer, a schedule and checkpoints. */
export type TrainingConfig = PretrainConfig | TokenizerConfig | FinetuneConfig | SegmentConfig;

/** Sizes of a batch, as every config has them. */
type BatchConfig = Pick<
  TrainingConfig,
  "batchSize" | "microBatchSize" | "recompute" | "precision" | "backend"
>;

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

/** What {@link planStep} may know of the machine. */
export interface StepSituation {
  /** Memory that the step may take, bytes; default 8 GiB. */
  readonly budgetBytes?: number;
  /** Bytes that the backend allows in one tensor. */
  readonly tensorBytes?: number;
  /** The most images at a time. */
  readonly images?: number;
  /** Default: what the config's backend and precision make likely, 4 where they leave it open. */
  readonly activationBytes?: StepOptions["activationBytes"];
  /** Processes that share the batch; 1 if left out. */
  readonly ranks?: number;
}

/** Images of one forward pass, and the memory that the step takes with them. */
export interface StepPlan {
  readonly microBatch: number;
  readonly memory: MemoryPlan;
}

/** The micro-batch that the config says, or the largest divisor of the batch that fits. */
export function planStep(
  config: BatchConfig,
  footprint: ModelFootprint,
  situation: StepSituation = {},
): StepPlan {
  const { batchSize, microBatchSize, recompute, precision, backend } = config;
  const isHalf = backend.name === "webgpu" && precision !== "float32";
  const { activationBytes = isHalf ? 2 : 4 } = situation;
  const budgetBytes = backend.memory === null
    ? situation.budgetBytes ?? defaultMemoryBudget
    : backend.memory * 2 ** 30;
  const options = { activationBytes, recompute };
  const own = Math.ceil(batchSize / (situation.ranks ?? 1));
  const bounds = { budgetBytes, tensorBytes: situation.tensorBytes, images: situation.images };
  const microBatch = microBatchSize === "auto"
    ? largestMicroBatch(footprint, own, bounds, options)
    : Math.min(microBatchSize, own);
  const accumulates = microBatch < own;
  return { microBatch, memory: planMemory(footprint, microBatch, { ...options, accumulates }) };
}

/** What of a run's options bears on its micro-batch. */
type MicroBatchOptions = Pick<
  RunOptions,
  "memoryBudgetBytes" | "mostMicroBatch" | "onMicroBatch"
>;

/**
 * {@link planStep} for a run that begins: its listener is told the plan.
 *
 * @returns this rank's part of the loading
 * @throws UserError where there are more ranks than images in a batch
 */
export function fitMicroBatch(
  config: BatchConfig,
  footprint: ModelFootprint,
  { on, listener }: Pick<RunSession, "on" | "listener">,
  options: MicroBatchOptions,
): LoaderShare {
  const { rank, size: ranks, hostSharers, coreSharers } = communicatorOf(on);
  if (ranks > config.batchSize) {
    throw new UserError(
      `Cannot divide a batch of ${config.batchSize} images over ${ranks} ranks`,
      { hint: "start fewer, or raise --batch" },
    );
  }
  const isHalf = on.precision !== "float32" && on.backend.capabilities.halvesActivations === true;
  const budget = options.memoryBudgetBytes;
  const { microBatch, memory } = planStep(config, footprint, {
    budgetBytes: budget === undefined ? undefined : budget / hostSharers,
    images: options.mostMicroBatch,
    tensorBytes: on.backend.capabilities.maxBufferBytes,
    activationBytes: isHalf ? 2 : 4,
    ranks,
  });
  options.onMicroBatch?.(microBatch);
  const { peak, ...parts } = memory;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  const list = Object.entries(parts).filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name} ${megabytes(bytes)}`);
  listener({
    type: "note",
    message: `Planned memory with ${microBatch} of ${config.batchSize} images at a time: ` +
      `${megabytes(peak)} (${list.join(", ")})`,
  });
  return { microBatch, rank, ranks, coreSharers };
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
