/** Whose WebGPU a benchmark uses. */

import type { WebgpuOptions } from "../../backends/webgpu/mod.ts";

/** Options for the implementation of that name, `deno` or `dawn`. */
export function implementationOf(name: string): WebgpuOptions {
  return { implementation: name } as WebgpuOptions;
}
