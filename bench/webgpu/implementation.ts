/** Whose WebGPU a benchmark uses. */

import type { WebgpuImplementation } from "../../backends/webgpu/mod.ts";

/** The options that ask for the implementation of that name. */
export function implementationOf(name: string): { readonly implementation: WebgpuImplementation } {
  if (name !== "deno" && name !== "dawn") {
    throw new Error(`Choose --webgpu deno or dawn: found "${name}"`);
  }
  return { implementation: name };
}
