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
 * Multiply–adds of a pretraining: of the student in every pass, and of the codes of every crop, which
 * are computed once where the crops repeat.
 *
 * @param passes images processed: steps × batch
 * @param images training images
 * @param tokenizer the tokenizer that encodes them; null for one that costs next to nothing
 * @param teacherCost multiply–adds of its teacher, which k-means needs to encode an image
 */
export function pretrainCost(
  { model, mask, augment }: PretrainConfig,
  { passes, images }: { readonly passes: number; readonly images: number },
  tokenizer: TokenizerConfig | null,
  teacherCost = 0,
): number {
  const branches = model.headLayers > 0 ? 2 : 1;
  const head = branches * mask.maskedPatches * model.embedDim * model.codes;
  const blocks = blocksCost(model, model.depth + model.headLayers);
  const student = forwardAndBackward * (embeddingCost(model) + blocks + head);
  const crops = Math.min(passes, images * (augment.cropsPerImage ?? Infinity));
  return passes * student + crops * (tokenizer === null ? 0 : codesCost(tokenizer, teacherCost));
}

/** Multiply–adds of an image's codes. */
function codesCost({ method, model }: TokenizerConfig, teacherCost: number): number {
  return method === "kMeans" ? teacherCost : embeddingCost(model) + blocksCost(model, model.depth);
}

/** Multiply–adds to fine-tune on one image. */
export function finetunePassCost({ model }: FinetuneConfig): number {
  return forwardAndBackward * (embeddingCost(model) + blocksCost(model, model.depth));
}
