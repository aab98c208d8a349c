/** Chooses what computes: the fastest that the processor, the system and the permissions allow. @module */

import { UserError } from "../../../core/errors.ts";
import { describeKernel } from "../code/kernel_builder.ts";
import type { CpuBackendOptions } from "../create_cpu_backend.ts";
import type { KernelTable } from "../jobs/job.ts";
import { hasRelaxedSimd, portableKernels } from "../kernel_table.ts";
import type { Arena } from "../memory/arena.ts";
import { wasmLanes } from "../wasm/encode_kernel.ts";
import type { NativeCode } from "./native/native_code.ts";
import { findDifference, findGemmDifference } from "./native/self_check.ts";

/** What replaces the WebAssembly kernels. */
export interface Provider {
  readonly kernels: KernelTable;
  /** For the worker threads. */
  readonly native: NativeCode | null;
  readonly mostThreads: number;
  readonly description: string;
}

type Options = Pick<CpuBackendOptions, "provider" | "dumpKernels">;

function wasmProvider(): Provider {
  const description = `WebAssembly ${hasRelaxedSimd() ? "SIMD with fused multiply-add" : "SIMD"}`;
  return { kernels: {}, native: null, mostThreads: Infinity, description };
}

/** Machine code, or the reason why not. */
async function nativeProvider(
  arena: Arena,
  wasmKernels: KernelTable,
  { dumpKernels }: Options,
): Promise<Provider | string> {
  if (!("Deno" in globalThis)) return "it needs Deno";
  const ffi = await import("./native/native_kernels_ffi.ts");
  const native = ffi.placeNativeKernels(dumpKernels ?? (() => {}));
  if (typeof native === "string") return native;
  const kernels = ffi.attachNativeKernels(native, arena.buffer, 0);
  // The tile of a matrix product has a shape of its own for each width of vectors.
  const comparable = portableKernels.filter(({ name }) => name !== "gemmBlock");
  const codes = comparable.map((description) => describeKernel(description, wasmLanes));
  const different = findDifference(codes, wasmKernels, kernels, arena) ??
    findGemmDifference(wasmKernels, kernels, arena);
  if (different !== null) return `its kernel "${different}" differs from the WebAssembly one`;
  return { kernels, native, mostThreads: ffi.mostNativeThreads, description: "machine code, AVX2" };
}

/**
 * @throws UserError where a provider is asked for that cannot be had
 */
export async function chooseProvider(
  arena: Arena,
  wasmKernels: KernelTable,
  options: Options,
): Promise<Provider> {
  const wanted = options.provider ?? "auto";
  if (wanted === "wasm") return wasmProvider();
  const native = await nativeProvider(arena, wasmKernels, options);
  if (typeof native !== "string") return native;
  if (wanted === "auto") return wasmProvider();
  throw new UserError(`Cannot use the kernel provider "${wanted}": ${native}`, {
    hint: 'use provider "auto", which falls back to "wasm"',
  });
}
