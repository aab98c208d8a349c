/** How each fused kernel is created, by its name in the table: one line per op. @module */

export { adamWKernel as adamW } from "./adam_w/adam_w.ts";
export { assembleTokensKernel as assembleTokens } from "./assemble_tokens/assemble_tokens.ts";
export { attentionKernel as attention } from "./attention/attention.ts";
export { codeStatisticsKernel as codeStatistics } from "./code_statistics/code_statistics.ts";
export { cosineLossKernel as cosineLoss } from "./cosine_loss/cosine_loss.ts";
export { emaCodebookUpdateKernel as emaCodebookUpdate } from "./ema_codebook_update/ema_codebook_update.ts";
export { l2NormalizeKernel as l2Normalize } from "./l2_normalize/l2_normalize.ts";
export { layerNormKernel as layerNorm } from "./layer_norm/layer_norm.ts";
export { linearKernel as linear } from "./linear/linear.ts";
export { linearCrossEntropyKernel as linearCrossEntropy } from "./linear_cross_entropy/linear_cross_entropy.ts";
export { nearestCodeKernel as nearestCode } from "./nearest_code/nearest_code.ts";
export { patchEmbedKernel as patchEmbed } from "./patch_embed/patch_embed.ts";
export { qkvBiasKernel as qkvBias } from "./qkv_bias/qkv_bias.ts";
export { relativePositionBiasKernel as relativePositionBias } from "./relative_position_bias/relative_position_bias.ts";
export { residualKernel as residual } from "./residual/residual.ts";
export { selectRowsKernel as selectRows } from "./select_rows/select_rows.ts";
