/** The ops for which this backend has fused kernels: one line each. @module */

export { adamW } from "./adam_w/fused.ts";
export { assembleTokens } from "./assemble_tokens/fused.ts";
export { attention } from "./attention/fused.ts";
export { codeStatistics } from "./code_statistics/fused.ts";
export { cosineLoss } from "./cosine_loss/fused.ts";
export { emaCodebookUpdate } from "./ema_codebook_update/fused.ts";
export { l2Normalize } from "./l2_normalize/fused.ts";
export { layerNorm } from "./layer_norm/fused.ts";
export { linear } from "./linear/fused.ts";
export { linearCrossEntropy } from "./linear_cross_entropy/fused.ts";
export { nearestCode } from "./nearest_code/fused.ts";
export { patchEmbed } from "./patch_embed/fused.ts";
export { qkvBias } from "./qkv_bias/fused.ts";
export { relativePositionBias } from "./relative_position_bias/fused.ts";
export { residual } from "./residual/fused.ts";
export { selectRows } from "./select_rows/fused.ts";
