/** The table of fused kernels of the `cpu` backend. @module */

import type { Kernels } from "../../kernels.ts";
import type { Runtime } from "../runtime.ts";
import { createLinear } from "./linear.ts";

/** Every kernel of {@link Kernels}. */
export function createFusedKernels(runtime: Runtime): Partial<Kernels> {
  return {
    linear: createLinear(runtime),
  };
}
