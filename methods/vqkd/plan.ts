/**
 * What training a tokenizer will cost, before it starts: `tokenizer --dry-run`.
 *
 * @module
 */

import type { TokenizerConfig } from "./config.ts";
import { vitBase } from "../../models/beit_config.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { encoderSpecs } from "../../models/beit_encoder.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import { planRun, type RunCosts, type RunSizes } from "../../pipeline/engine/planning/plan_run.ts";
import { learningRateSchedule, runLength, warmupStepsOf } from "../../pipeline/engine/schedule.ts";
import { kindOf } from "./teachers/mod.ts";
import { tokenizerFootprint, vqkdConfig } from "./shape.ts";

/**
 * The plan of a run. Its parameters are those of encoder, decoder and their projections; the codebook is
 * separate.
 */
export interface TokenizerPlan extends RunSizes, RunCosts {
  /** Images in the training split. */
  readonly images: number;
  readonly codes: number;
  readonly codeDim: number;
  /** Tokens in the data per code: with few, codes remain unused. */
  readonly tokensPerCode: number;
}

/** Width of the teacher's features. */
function teacherDim({ teacher, model }: TokenizerConfig): number {
  const { kind, settings } = kindOf(teacher);
  return kind.dim(model, settings);
}

/** Parameters of a teacher the size of the published ones, which are ViT-B/16. */
function teacherParameters({ teacher }: TokenizerConfig): number {
  return kindOf(teacher).kind.isEncoder
    ? countTrainable(encoderSpecs(vitBase, { hasMaskToken: false }))
    : 0;
}

/**
 * Plans a run from its images; computes nothing.
 *
 * @throws UserError if the images cannot be found
 */
export async function planTokenizer(
  config: TokenizerConfig,
  options: { readonly memoryBudgetBytes?: number } = {},
): Promise<TokenizerPlan> {
  const source = await openTrainingSource(config.data);
  const images = source.length;
  source.close?.();
  const footprint = tokenizerFootprint(
    vqkdConfig(config, teacherDim(config)),
    teacherParameters(config),
  );
  const length = runLength(config, images);
  const { codes, codeDim } = config.codebook;
  const { sizes, costs } = planRun(config, {
    footprint,
    length,
    schedule: learningRateSchedule(config, length),
    warmupSteps: warmupStepsOf(config, length),
    // Codes, their counts and how long they have been unused.
    beside: { numbers: codes * (codeDim + 2), models: 1 },
    budgetBytes: options.memoryBudgetBytes,
  });
  const tokensPerCode = images * (footprint.tokens - 1) / codes;
  return { images, ...sizes, codes, codeDim, tokensPerCode, ...costs };
}

/** The config for measuring steps alone: neither the codebook's start nor evaluations belong to one. */
export function tokenizerSteps(config: TokenizerConfig): TokenizerConfig {
  const { codebook, teacher } = config;
  return {
    ...config,
    codebook: { ...codebook, kmeansTokensPerCode: 1, kmeansIterations: 1 },
    teacher: { ...teacher, cache: { ...teacher.cache, directory: null } },
    evaluation: { rankMe: { every: null, atEnd: false } },
  };
}
