/** What makes up an op on this backend. @module */

import type { Kernels } from "../../kernels.ts";
import type { KernelDescription } from "../code/kernel_builder.ts";
import type { Runtime } from "../runtime.ts";

/** The fused kernel of an op and the code that it calls. */
export interface CpuKernel<Name extends keyof Kernels> {
  /** Kernels that are encoded for this op; it may also call those of the shared folders. */
  readonly descriptions: readonly KernelDescription[];
  readonly create: (runtime: Runtime) => NonNullable<Kernels[Name]>;
}
