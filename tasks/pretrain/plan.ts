/**
 * What a pretraining run will cost, before it starts: `pretrain --dry-run`.
 *
 * @module
 */

import type { PretrainConfig } from "../../configs/schema.ts";
import { type BeitConfig, gridSize, validateBeitConfig } from "../../models/beit_config.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { maskedImageModelSpecs } from "../../models/parameter_specs.ts";
import { learningRateAt } from "../../pipeline/optimize/schedules.ts";
import type { MemoryPlan, ModelFootprint } from "../../pipeline/plan.ts";
import { openTrainingSource } from "../run/data_sources.ts";
import { checkTokenizer } from "../tokenizer/open_tokenizer.ts";
import { learningRateSchedule, type RunLength, runLength } from "../run/schedule.ts";
import type { RunOptions } from "../run/session.ts";
import { planStep } from "../run/training.ts";
import { type DiskPlan, planDisk } from "../run/plan_disk.ts";

/** The model section of a config as the model wants it. */
export function beitConfig({ model }: PretrainConfig): BeitConfig {
  const { sincosAmplitude, ...rest } = model;
  return sincosAmplitude === null ? rest : { ...rest, sincosAmplitude };
}

/** What a training step of a config holds in memory. */
export function pretrainFootprint(
  config: PretrainConfig,
  frozenParameters: number,
): ModelFootprint {
  const model = beitConfig(config);
  return {
    parameters: countTrainable(maskedImageModelSpecs(model)),
    frozenParameters,
    tokens: gridSize(model) ** 2 + 1,
    embedDim: model.embedDim,
    mlpRatio: model.mlpRatio,
    blocks: model.depth + model.headLayers,
    logits: config.mask.maskedPatches * model.codes,
  };
}

/** The plan of a run. */
export interface PretrainPlan extends RunLength {
  /** Images of the training split, and classes it knows. */
  readonly images: number;
  readonly classes: number;
  /** Trainable numbers of the model, and those of the frozen tokenizer's encoder. */
  readonly parameters: number;
  readonly tokenizerParameters: number;
  readonly batch: number;
  readonly microBatch: number;
  /** Passes over the data until the last step. */
  readonly epochs: number;
  readonly maskedPatches: number;
  readonly patches: number;
  /** Bytes of a training step, by what holds them. */
  readonly memory: MemoryPlan;
  /** Bytes of the checkpoints on the disk. */
  readonly disk: DiskPlan;
  readonly schedule: {
    readonly peakLearningRate: number;
    readonly warmupSteps: number;
    readonly lastLearningRate: number;
  };
}

/**
 * Plans a run on its images and its tokenizer's file; nothing is computed.
 *
 * @throws UserError for what would stop the run itself
 */
export async function planPretraining(
  config: PretrainConfig,
  options: Pick<RunOptions, "memoryBudgetBytes" | "downloads"> = {},
): Promise<PretrainPlan> {
  const model = beitConfig(config);
  validateBeitConfig(model);
  const tokenizerParameters = await checkTokenizer(config, options.downloads);
  const source = await openTrainingSource(config.data);
  const footprint = pretrainFootprint(config, tokenizerParameters);
  const step = planStep(config, footprint, { budgetBytes: options.memoryBudgetBytes });
  const length = runLength(config, source.length);
  const schedule = learningRateSchedule(config, length);
  source.close?.();
  return {
    images: source.length,
    classes: source.classes.length,
    ...length,
    epochs: length.totalSteps / length.stepsPerEpoch,
    batch: config.batchSize,
    microBatch: step.microBatch,
    parameters: footprint.parameters,
    tokenizerParameters,
    patches: footprint.tokens - 1,
    maskedPatches: config.mask.maskedPatches,
    memory: step.memory,
    disk: planDisk(config, footprint.parameters, length),
    schedule: {
      peakLearningRate: schedule.base,
      warmupSteps: schedule.warmupSteps,
      lastLearningRate: learningRateAt(schedule, length.totalSteps - 1),
    },
  };
}
