/**
 * The stages of fine-tuning, and how a config mixes images.
 *
 * @module
 */

import type { FinetuneConfig } from "../../configs/schema.ts";
import type { MixOptions } from "../../data/mix.ts";
import type {
  AugmentedBatch,
  FileBatch,
  LossOutput,
  StepOutput,
  StepPlace,
} from "../../pipeline/batch.ts";
import type { ClassifiedBatch } from "../../pipeline/classify.ts";
import type { MixedBatch } from "../../pipeline/mix.ts";
import type { Stage } from "../../pipeline/stage.ts";

/** The stages of fine-tuning, any of which may be exchanged for another of the same type. */
export interface FinetuneStages {
  readonly load: Stage<StepPlace, FileBatch>;
  readonly augment: Stage<FileBatch, AugmentedBatch>;
  readonly mix: Stage<AugmentedBatch, MixedBatch>;
  readonly classify: Stage<MixedBatch, ClassifiedBatch>;
  readonly loss: Stage<ClassifiedBatch, LossOutput>;
  readonly optimize: Stage<LossOutput, StepOutput>;
}

/** Mixup and CutMix as a config wants them; null for none. */
export function mixOptions({ augment: { mixing } }: FinetuneConfig): MixOptions | null {
  if (mixing === null) return null;
  return {
    mixup: mixing.mixup,
    cutmix: mixing.cutmix,
    switchProbability: mixing.switchProbability,
    variant: mixing.pairing === "permutation" ? "mmselfsup" : "unilm",
  };
}
