/** The table of fused kernels of the `cpu` backend. @module */

import type { Kernels } from "../../kernels.ts";
import type { Runtime } from "../runtime.ts";
import { createAdamW } from "./adam_w.ts";
import { createAttention } from "./attention.ts";
import { createCodeStatistics, createEmaCodebookUpdate, createNearestCode } from "./codebook.ts";
import { createLinear } from "./linear.ts";
import { createLinearCrossEntropy } from "./linear_cross_entropy.ts";
import { createQkvBias } from "./qkv_bias.ts";
import {
  createCosineLoss,
  createL2Normalize,
  createLayerNorm,
  createResidual,
  createSelectRows,
} from "./row_kernels.ts";
import { createAssembleTokens, createPatchEmbed, createRelativePositionBias } from "./tokens.ts";

/** Every kernel of {@link Kernels}. */
export function createFusedKernels(runtime: Runtime): Kernels {
  return {
    linear: createLinear(runtime),
    qkvBias: createQkvBias(runtime),
    layerNorm: createLayerNorm(runtime),
    attention: createAttention(runtime),
    residual: createResidual(runtime),
    patchEmbed: createPatchEmbed(runtime),
    assembleTokens: createAssembleTokens(runtime),
    relativePositionBias: createRelativePositionBias(runtime),
    selectRows: createSelectRows(runtime),
    linearCrossEntropy: createLinearCrossEntropy(runtime),
    l2Normalize: createL2Normalize(runtime),
    cosineLoss: createCosineLoss(runtime),
    nearestCode: createNearestCode(runtime),
    codeStatistics: createCodeStatistics(runtime),
    emaCodebookUpdate: createEmaCodebookUpdate(runtime),
    adamW: createAdamW(runtime),
  };
}
