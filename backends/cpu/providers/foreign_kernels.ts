/** Kernels from outside WebAssembly, as one thread passes them to another. @module */

import type { KernelTable } from "../threads/job.ts";
import { wasmLanes } from "../wasm/lanes.ts";
import type { NativeCode } from "./native/native_code.ts";

/** Machine code that is placed, or a library that can be opened. */
export type ForeignKernels =
  | ({ readonly kind: "native" } & NativeCode)
  | { readonly kind: "blas"; readonly library: string };

/** float32 lanes of the vectors that kernels work with. */
export function lanesOf(foreign: ForeignKernels | null): number {
  return foreign?.kind === "native" ? foreign.lanes : wasmLanes;
}

/** This thread's entries into them; thread 0 is the main one. */
export async function attachForeignKernels(
  foreign: ForeignKernels,
  buffer: ArrayBufferLike,
  thread: number,
): Promise<KernelTable> {
  if (foreign.kind === "native") {
    const { attachNativeKernels } = await import("./native/attach_native_kernels.ts");
    return attachNativeKernels(foreign, buffer, thread);
  }
  const { attachBlas } = await import("./blas/blas_kernels_ffi.ts");
  return attachBlas(foreign, buffer);
}
