/** What an op is on this backend. @module */

import type { Kernels } from "../../kernels.ts";
import type { KernelDescription } from "../code/kernel_builder.ts";
import type { Runtime } from "../runtime.ts";

/** The fused kernel of an op, with the code that it calls. */
export interface CpuKernel<Name extends keyof Kernels> {
  /** Kernels that are encoded for it; it may call those of shared folders besides. */
  readonly descriptions: readonly KernelDescription[];
  readonly create: (runtime: Runtime) => NonNullable<Kernels[Name]>;
}
