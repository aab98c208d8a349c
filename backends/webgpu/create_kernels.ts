/** The table of fused kernels of a device. @module */

import type { Kernels } from "../kernels.ts";
import type { AttentionTilingChoice } from "./kernels/attention/attention_tilings.ts";
import { type AttentionUnits, NO_ATTENTION_UNITS } from "./kernels/attention/attention_units.ts";
import type { KernelTools } from "./kernels/kernel_tools.ts";
import * as kernels from "./kernels/mod.ts";
import { MatrixProducts, NO_UNITS, type ProductUnits } from "./products/matrix_product.ts";
import type { TilingChoice } from "./products/tilings.ts";
import type { Runtime } from "./runtime.ts";
import type { ShaderRunner } from "./shaders/shader_runner.ts";

/** What multiplies on matrix units. */
export interface UnitsInUse {
  readonly products: ProductUnits;
  readonly attention: AttentionUnits;
}

/** Threads compute everything. */
export const NO_UNITS_IN_USE: UnitsInUse = { products: NO_UNITS, attention: NO_ATTENTION_UNITS };

/** What suits a device. */
export interface DeviceTraits {
  readonly tilings: TilingChoice;
  readonly attentionTilings: AttentionTilingChoice;
  readonly units: UnitsInUse;
}

/** How each kernel is created; it does not compile if one from the table is missing. */
const kernelFactories: {
  readonly [Name in keyof Kernels]-?: (tools: KernelTools) => NonNullable<Kernels[Name]>;
} = kernels;

export function createKernels(
  runner: ShaderRunner,
  { tilings, attentionTilings, units }: DeviceTraits,
): Kernels {
  const tools: KernelTools = {
    runner,
    products: new MatrixProducts(runner, tilings, units.products),
    attentionTilings,
    attentionUnits: units.attention,
  };
  const made = Object.entries(kernelFactories).map(([name, create]) => [name, create(tools)]);
  return named(runner.runtime, Object.fromEntries(made));
}

type Work = (...args: unknown[]) => unknown;

/** The same kernels, which report their names to the runtime while they run. */
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
    const methods = Object.entries(kernel as Record<string, unknown>).map(([method, work]) => {
      if (typeof work !== "function") return [method, work];
      return [method, wrap(method === "forward" ? name : `${name} ${method}`, work as Work)];
    });
    return [name, Object.fromEntries(methods)];
  });
  return Object.fromEntries(entries);
}
