/** The table of fused kernels of a device. @module */

import type { Kernels } from "../kernels.ts";
import { adamWKernel } from "./kernels/adam_w.ts";
import { assembleTokensKernel } from "./kernels/assemble_tokens.ts";
import { attentionKernel } from "./kernels/attention.ts";
import type { AttentionTilingChoice } from "./kernels/attention_tilings.ts";
import { codebookKernels } from "./kernels/codebook.ts";
import { cosineLossKernel } from "./kernels/cosine_loss.ts";
import { l2NormalizeKernel } from "./kernels/l2_normalize.ts";
import { layerNormKernel } from "./kernels/layer_norm.ts";
import { linearKernel } from "./kernels/linear.ts";
import { linearCrossEntropyKernel } from "./kernels/linear_cross_entropy.ts";
import { MatrixProducts, type TilingChoice } from "./kernels/matrix_product.ts";
import { patchEmbedKernel } from "./kernels/patch_embed.ts";
import { qkvBiasKernel } from "./kernels/qkv_bias.ts";
import { relativePositionBiasKernel } from "./kernels/relative_position_bias.ts";
import { residualKernel } from "./kernels/residual.ts";
import { selectRowsKernel } from "./kernels/select_rows.ts";
import type { Runtime } from "./runtime.ts";
import type { ShaderRunner } from "./shader.ts";

/** What suits a device. */
export interface DeviceTraits {
  readonly tilings: TilingChoice;
  readonly attention: AttentionTilingChoice;
}

export function createKernels(
  runner: ShaderRunner,
  { tilings, attention }: DeviceTraits,
): Kernels {
  const products = new MatrixProducts(runner, tilings);
  return named(runner.runtime, {
    adamW: adamWKernel(runner),
    assembleTokens: assembleTokensKernel(runner),
    attention: attentionKernel(runner, attention),
    cosineLoss: cosineLossKernel(runner),
    l2Normalize: l2NormalizeKernel(runner),
    layerNorm: layerNormKernel(runner),
    linear: linearKernel(runner, products),
    linearCrossEntropy: linearCrossEntropyKernel(runner, products),
    patchEmbed: patchEmbedKernel(runner, products),
    qkvBias: qkvBiasKernel(runner),
    relativePositionBias: relativePositionBiasKernel(runner),
    residual: residualKernel(runner),
    selectRows: selectRowsKernel(runner),
    ...codebookKernels(runner, products),
  });
}

type Work = (...args: unknown[]) => unknown;

/** The same kernels, which tell the runtime their names while they are at work. */
function named(runtime: Runtime, kernels: Kernels): Kernels {
  const wrap = (name: string, work: Work) => (...args: unknown[]) => {
    const outer = runtime.kernel;
    runtime.kernel = name;
    try {
      return work(...args);
    } finally {
      runtime.kernel = outer;
    }
  };
  const entries = Object.entries(kernels).map(([name, kernel]) => {
    if (typeof kernel === "function") return [name, wrap(name, kernel as Work)];
    const methods = Object.entries(kernel as Record<string, Work>).map(([method, work]) => {
      return [method, wrap(method === "forward" ? name : `${name} ${method}`, work)];
    });
    return [name, Object.fromEntries(methods)];
  });
  return Object.fromEntries(entries);
}
