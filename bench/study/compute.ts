/**
 * The cost of an image pass in multiply–adds, counted from the sizes.
 *
 * A backward pass counts as two forward passes. Only matrix products are counted.
 *
 * @module
 */

import type { FinetuneConfig } from "../../methods/classify/config.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import type { TokenizerConfig } from "../../methods/vqkd/config.ts";
import { blocksCost, embeddingCost, forwardAndBackward } from "../../core/transformer_cost.ts";

/** Multiply–adds to train a tokenizer on one image, not counting its teacher. */
export function tokenizerPassCost({ model, decoder }: TokenizerConfig): number {
  const blocks = model.depth + decoder.depth;
  return forwardAndBackward * (embeddingCost(model) + blocksCost(model, blocks));
}

/**
 * Multiply–adds of k-means: the teacher sees each image once, and each round compares all patches
 * with all codes. Without whitening, the rounds, a hundredth of it, are not counted.
 */
export function kMeansCost(
  { model, codebook, kMeans, teacher }: TokenizerConfig,
  teacherCost: number,
): number {
  const rows = codebook.codes * kMeans.tokensPerCode;
  const patches = (model.imageSize / model.patchSize) ** 2;
  const rounds = kMeans.iterations * rows * codebook.codes * (teacher.onnx.whiten ?? 0);
  return rows / patches * teacherCost + rounds;
}

/**
 * Multiply–adds to pretrain on one image.
 *
 * @param tokenizer the tokenizer that encodes it; null for one that costs next to nothing
 * @param teacherCost multiply–adds of its teacher, which k-means needs to encode an image
 */
export function pretrainPassCost(
  { model, mask }: PretrainConfig,
  tokenizer: TokenizerConfig | null,
  teacherCost = 0,
): number {
  const branches = model.headLayers > 0 ? 2 : 1;
  const head = branches * mask.maskedPatches * model.embedDim * model.codes;
  const blocks = blocksCost(model, model.depth + model.headLayers);
  const student = forwardAndBackward * (embeddingCost(model) + blocks + head);
  if (tokenizer === null) return student;
  if (tokenizer.method === "kMeans") return student + teacherCost;
  const { model: teacher } = tokenizer;
  return student + embeddingCost(teacher) + blocksCost(teacher, teacher.depth);
}

/** Multiply–adds to fine-tune on one image. */
export function finetunePassCost({ model }: FinetuneConfig): number {
  return forwardAndBackward * (embeddingCost(model) + blocksCost(model, model.depth));
}
