/** Kernels from outside WebAssembly, as one thread passes them to another. @module */

import { type Tiling, usualTiling } from "../products/tile.ts";
import type { KernelTable } from "../threads/job.ts";
import { wasmLanes } from "../wasm/lanes.ts";
import type { NativeCode } from "./native/native_code.ts";

/** Machine code that is placed, or a library that can be opened. */
export type ForeignKernels =
  | ({ readonly kind: "native" } & NativeCode)
  | { readonly kind: "blas"; readonly library: string };

/** How their products in float32 are cut. */
export function tilingOf(foreign: ForeignKernels | null): Tiling {
  return foreign?.kind === "native" ? foreign.tiling : usualTiling(wasmLanes);
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
