/**
 * The shape of a tokenizer being trained, and the memory of its steps.
 *
 * @module
 */

import type { TokenizerConfig } from "./config.ts";
import { parameterSizes } from "../../models/parameter_set.ts";
import type { VqkdConfig } from "../../models/vqkd_config.ts";
import { vqkdSpecs } from "../../models/vqkd_tokenizer.ts";
import type { ModelFootprint } from "../../pipeline/engine/planning/plan.ts";

/** The config sections that determine the tokenizer's shape. */
export function vqkdConfig(config: TokenizerConfig, teacherDim: number): VqkdConfig {
  const { model, decoder, codebook } = config;
  return {
    imageSize: model.imageSize,
    patchSize: model.patchSize,
    embedDim: model.embedDim,
    depth: model.depth,
    heads: model.heads,
    mlpRatio: model.mlpRatio,
    decoderDepth: decoder.depth,
    codes: codebook.codes,
    codeDim: codebook.codeDim,
    teacherDim,
    decay: codebook.decay,
    quantizationWeight: codebook.quantizationWeight,
  };
}

/** The memory of a tokenizer's training step, including its teacher. */
export function tokenizerFootprint(config: VqkdConfig, teacherParameters: number): ModelFootprint {
  return {
    ...parameterSizes(vqkdSpecs(config)),
    frozenParameters: teacherParameters,
    tokens: (config.imageSize / config.patchSize) ** 2 + 1,
    embedDim: config.embedDim,
    mlpRatio: config.mlpRatio,
    blocks: config.depth + config.decoderDepth,
  };
}
