/** What the kernels of a device are made with. @module */

import type { MatrixProducts } from "../products/matrix_product.ts";
import type { ShaderRunner } from "../shaders/shader_runner.ts";
import type { AttentionTilingChoice } from "./attention/attention_tilings.ts";
import type { AttentionUnits } from "./attention/attention_units.ts";

/** Each kernel uses the parts it needs. */
export interface KernelTools {
  readonly runner: ShaderRunner;
  readonly products: MatrixProducts;
  readonly attentionTilings: AttentionTilingChoice;
  readonly attentionUnits: AttentionUnits;
}
