/**
 * What training a tokenizer will cost, before it starts: `tokenizer --dry-run`.
 *
 * @module
 */

import type { TokenizerConfig } from "../../configs/schema.ts";
import { learningRateAt } from "../../pipeline/optimize/schedules.ts";
import type { MemoryPlan } from "../../pipeline/plan.ts";
import { openTrainingSource } from "../run/data_sources.ts";
import { learningRateSchedule, type RunLength, runLength } from "../run/schedule.ts";
import { type DiskPlan, planDisk } from "../run/plan_disk.ts";
import { tokenizerFootprint, vqkdConfig } from "./tokenizer.ts";
import { planStep } from "../run/training.ts";

/** The plan of a run. */
export interface TokenizerPlan extends RunLength {
  /** Images of the training split. */
  readonly images: number;
  /** Passes over the data until the last step. */
  readonly epochs: number;
  readonly batch: number;
  readonly microBatch: number;
  /** Trainable numbers of encoder, decoder and their projections; the codebook is beside them. */
  readonly parameters: number;
  readonly codes: number;
  readonly codeDim: number;
  /** Tokens of the data per code: with few, codes stay unused. */
  readonly tokensPerCode: number;
  /** Bytes of a training step, by what holds them; the teacher comes on top. */
  readonly memory: MemoryPlan;
  /** Bytes of the checkpoints on the disk. */
  readonly disk: DiskPlan;
  readonly schedule: {
    readonly peakLearningRate: number;
    readonly warmupSteps: number;
    readonly lastLearningRate: number;
  };
}

/** Width of each teacher's features; of a BEiT it is taken to be the tokenizer's own. */
function teacherDim({ teacher, model }: TokenizerConfig): number {
  switch (teacher.name) {
    case "clip":
      return 512;
    case "dino":
      return 768;
    case "hog":
      return teacher.hog.localComponents + teacher.hog.globalComponents;
    case "beit":
      return model.embedDim;
  }
}

/**
 * Plans a run on its images; nothing is computed.
 *
 * @throws UserError where the images cannot be found
 */
export async function planTokenizer(
  config: TokenizerConfig,
  options: { readonly memoryBudgetBytes?: number } = {},
): Promise<TokenizerPlan> {
  const source = await openTrainingSource(config.data);
  const images = source.length;
  source.close?.();
  const footprint = tokenizerFootprint(vqkdConfig(config, teacherDim(config)));
  const step = planStep(config, footprint, { budgetBytes: options.memoryBudgetBytes });
  const length = runLength(config, images);
  const schedule = learningRateSchedule(config, length);
  return {
    images,
    ...length,
    epochs: length.totalSteps / length.stepsPerEpoch,
    batch: config.batchSize,
    microBatch: step.microBatch,
    parameters: footprint.parameters,
    codes: config.codebook.codes,
    codeDim: config.codebook.codeDim,
    tokensPerCode: images * (footprint.tokens - 1) / config.codebook.codes,
    memory: step.memory,
    disk: planDisk(config, footprint.parameters, length, {
      // Codes, their counts and how long they have been idle.
      numbers: config.codebook.codes * (config.codebook.codeDim + 2),
      models: 1,
    }),
    schedule: {
      peakLearningRate: schedule.base,
      warmupSteps: schedule.warmupSteps,
      lastLearningRate: learningRateAt(schedule, length.totalSteps - 1),
    },
  };
}
