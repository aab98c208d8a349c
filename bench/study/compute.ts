/**
 * What an image pass costs: multiply–adds, counted from the sizes.
 *
 * Backward passes count twice a forward pass. What is not a matrix product is left out.
 *
 * @module
 */

import type { FinetuneConfig, PretrainConfig, TokenizerConfig } from "../../configs/schema.ts";
import { blocksCost, embeddingCost, forwardAndBackward } from "../../core/transformer_cost.ts";

/** Multiply–adds of training a tokenizer on one image; the hog teacher's share is not counted. */
export function tokenizerPassCost({ model, decoder }: TokenizerConfig): number {
  const blocks = model.depth + decoder.depth;
  return forwardAndBackward * (embeddingCost(model) + blocksCost(model, blocks));
}

/**
 * Multiply–adds of pretraining on one image.
 *
 * @param tokenizer the sizes of the tokenizer that reads it; null for one that costs next to nothing
 */
export function pretrainPassCost(
  { model, mask }: PretrainConfig,
  tokenizer: TokenizerConfig | null,
): number {
  const branches = model.headLayers > 0 ? 2 : 1;
  const head = branches * mask.maskedPatches * model.embedDim * model.codes;
  const blocks = blocksCost(model, model.depth + model.headLayers);
  const student = forwardAndBackward * (embeddingCost(model) + blocks + head);
  if (tokenizer === null) return student;
  const { model: teacher } = tokenizer;
  return student + embeddingCost(teacher) + blocksCost(teacher, teacher.depth);
}

/** Multiply–adds of fine-tuning on one image. */
export function finetunePassCost({ model }: FinetuneConfig): number {
  return forwardAndBackward * (embeddingCost(model) + blocksCost(model, model.depth));
}
