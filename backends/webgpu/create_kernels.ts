/** The table of fused kernels of a device. @module */

import type { Kernels } from "../kernels.ts";
import { adamWKernel } from "./kernels/adam_w.ts";
import { layerNormKernel } from "./kernels/layer_norm.ts";
import { linearKernel } from "./kernels/linear.ts";
import { MatrixProducts } from "./kernels/matrix_product.ts";
import { residualKernel } from "./kernels/residual.ts";
import type { ShaderRunner } from "./shader.ts";

export function createKernels(runner: ShaderRunner): Partial<Kernels> {
  const products = new MatrixProducts(runner, "square64Wide");
  return {
    adamW: adamWKernel(runner),
    linear: linearKernel(runner, products),
    layerNorm: layerNormKernel(runner),
    residual: residualKernel(runner),
  };
}
