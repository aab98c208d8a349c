/**
 * What a pretraining run will cost, before it starts: `pretrain --dry-run`.
 *
 * @module
 */

import type { PretrainConfig } from "./config.ts";
import {
  type BeitConfig,
  gridSize,
  positionsOf,
  validateBeitConfig,
} from "../../models/beit_config.ts";
import { parameterSizes } from "../../models/parameter_set.ts";
import { maskedImageModelSpecs } from "../../models/masked_image_model.ts";
import type { ModelFootprint } from "../../pipeline/engine/planning/plan.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import { checkTokenizer } from "../vqkd/open_tokenizer.ts";
import { beitConfig } from "./shape.ts";
import { startPretraining } from "./start.ts";
import { planRun, type RunCosts, type RunSizes } from "../../pipeline/engine/planning/plan_run.ts";
import { learningRateSchedule, runLength, warmupStepsOf } from "../../pipeline/engine/schedule.ts";
import type { RunOptions } from "../../pipeline/engine/run_options.ts";

/** The memory of a training step, from a config. */
export function pretrainFootprint(
  config: PretrainConfig,
  frozenParameters: number,
): ModelFootprint {
  const model = beitConfig(config);
  return { ...modelFootprint(model, config.mask.maskedPatches), frozenParameters };
}

/** The memory of a step of that model, frozen models aside. */
export function modelFootprint(
  model: BeitConfig,
  maskedPatches: number,
): Omit<ModelFootprint, "frozenParameters"> {
  return {
    ...parameterSizes(maskedImageModelSpecs(model)),
    positions: positionsOf(model),
    tokens: gridSize(model) ** 2 + 1,
    embedDim: model.embedDim,
    mlpRatio: model.mlpRatio,
    blocks: model.depth + model.headLayers,
    finalShare: maskedPatches / gridSize(model) ** 2,
    branches: model.headLayers > 0 ? 2 : 1,
    logits: maskedPatches * model.codes,
  };
}

/** The plan of a run. */
export interface PretrainPlan extends RunSizes, RunCosts {
  /** Images in the training split. */
  readonly images: number;
  /** Classes of the training split; 0 without labels. */
  readonly classes: number;
  /** Parameters of the frozen tokenizer's encoder. */
  readonly tokenizerParameters: number;
  /** Masked patches of an image. */
  readonly maskedPatches: number;
  /** Patches per image. */
  readonly patches: number;
  /** What a continued run trains: how many tensors are the checkpoint's, and how many are new. */
  readonly continued?: {
    readonly checkpoint: string;
    readonly taken: number;
    readonly new: number;
    readonly notUsed: number;
  };
}

/**
 * Plans a run from its images and its tokenizer's file; computes nothing.
 *
 * @throws UserError for anything that would stop the run itself
 */
export async function planPretraining(
  config: PretrainConfig,
  options: Pick<RunOptions, "memoryBudgetBytes" | "downloads"> = {},
): Promise<PretrainPlan> {
  validateBeitConfig(beitConfig(config));
  const tokenizerParameters = await checkTokenizer(config, options.downloads);
  const { downloads } = options;
  const { continuation } = await startPretraining(config, { downloads, withoutValues: true });
  const source = await openTrainingSource(config.data);
  source.close?.();
  const footprint = pretrainFootprint(config, tokenizerParameters);
  const length = runLength(config, source.length);
  const { sizes, costs } = planRun(config, {
    footprint,
    length,
    schedule: learningRateSchedule(config, length),
    warmupSteps: warmupStepsOf(config, length),
    budgetBytes: options.memoryBudgetBytes,
  });
  return {
    images: source.length,
    classes: source.classes.length,
    ...sizes,
    tokenizerParameters,
    patches: footprint.tokens - 1,
    maskedPatches: config.mask.maskedPatches,
    ...(continuation === null ? {} : {
      continued: {
        checkpoint: config.pretrained!,
        taken: continuation.taken.length,
        new: continuation.fresh.length,
        notUsed: continuation.left.length,
      },
    }),
    ...costs,
  };
}

/** The config of a run that is its steps alone: nothing is evaluated. */
export function pretrainSteps<C extends Pick<PretrainConfig, "evaluation">>(config: C): C {
  const { knn, linear } = config.evaluation;
  const never = { every: null, atEnd: false };
  const evaluation = { knn: { ...knn, ...never }, linear: { ...linear, ...never }, stop: null };
  return { ...config, evaluation: { ...config.evaluation, ...evaluation } };
}
