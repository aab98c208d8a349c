/** The module's kernels on a thread. @module */

import type { KernelTable } from "../threads/job.ts";

/** The kernels, ready to be called on this thread. */
export function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): KernelTable {
  const instance = new WebAssembly.Instance(module, { host: { memory } });
  return { ...instance.exports } as unknown as KernelTable;
}
