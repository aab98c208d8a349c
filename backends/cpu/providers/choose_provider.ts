/** Chooses the fastest kernels that the processor, the system and the permissions allow. @module */

import { messageOf, UserError } from "../../../core/errors.ts";
import { describeKernel } from "../code/kernel_builder.ts";
import { portableKernels } from "../kernels/kernel_table.ts";
import type { Arena } from "../memory/arena.ts";
import type { KernelTable } from "../threads/job.ts";
import { hasRelaxedSimd } from "../wasm/encode_kernels.ts";
import { wasmLanes } from "../wasm/lanes.ts";
import { attachForeignKernels, type ForeignKernels } from "./foreign_kernels.ts";
import { mostNativeThreads, type NativeCode } from "./native/native_code.ts";
import { findDifference, findGemmDifference, isProductRight } from "./self_check.ts";

/** What replaces the WebAssembly kernels. */
export interface Provider {
  readonly kernels: KernelTable;
  /** For the worker threads. */
  readonly foreign: ForeignKernels | null;
  readonly mostThreads: number;
  readonly description: string;
}

/** Which kernels are wanted. */
export interface ProviderOptions {
  /**
   * Where kernels come from; `auto` takes the fastest that is present and permitted. `native` uses
   * the widest vectors that the processor has, `native-avx2` those of 256 bits.
   */
  provider?: "auto" | "wasm" | "blas" | "native" | "native-avx2";
  /**
   * Whether products in bfloat16 use tile registers (AMX), which some Intel processors have. Where that is
   * not possible, `auto` does without them, and `native` says why. Default: false.
   */
  useAmx?: boolean;
  /** Called with the generated code, for a disassembler. */
  dumpKernels?: (name: string, bytes: Uint8Array) => void;
}

/** Tries a provider; a string is the reason why it is not available. */
type Attempt = (
  arena: Arena,
  wasmKernels: KernelTable,
  options: ProviderOptions,
) => Promise<Provider | string>;

function wasmDescription(): string {
  return `WebAssembly SIMD${hasRelaxedSimd() ? " with fused multiply-add" : ""}`;
}

/** What the self-check found; the same code serves all backends of the process. */
const nativeDifferences = new Map<NativeCode["addresses"], string | null>();

function findNativeDifference(
  wasmKernels: KernelTable,
  kernels: KernelTable,
  lanes: number,
  arena: Arena,
): string | null {
  // The tile of a matrix product has a different shape for each vector width.
  const comparable = portableKernels.filter(({ name }) => !/^(gemm|pack)/.test(name));
  const codes = comparable.map((description) => describeKernel(description, wasmLanes));
  return findDifference(codes, wasmKernels, kernels, arena) ??
    findGemmDifference(wasmKernels, kernels, lanes, arena);
}

const nativeNames = { 8: "AVX2", 16: "AVX-512" };

const tryNative = (mostLanes: 8 | 16): Attempt => async (arena, wasmKernels, options) => {
  const { placeNativeKernels } = await import("./native/place_native_kernels.ts");
  const { dumpKernels = () => {}, useAmx = false } = options;
  const native = placeNativeKernels({ mostLanes, useAmx }, dumpKernels);
  if (typeof native === "string") return native;
  const { lanes } = native;
  const foreign = { kind: "native", ...native } as const;
  const kernels = await attachForeignKernels(foreign, arena.buffer, 0);
  let different = nativeDifferences.get(native.addresses);
  // null says that nothing differs, which need not be found out again either.
  if (different === undefined) {
    different = findNativeDifference(wasmKernels, kernels, lanes, arena);
    nativeDifferences.set(native.addresses, different);
  }
  if (different !== null) return `its kernel "${different}" differs from the WebAssembly one`;
  const formats = native.hasTiles
    ? ", bfloat16 and AMX"
    : native.hasBfloat16
    ? " and bfloat16"
    : "";
  const description = `machine code, ${nativeNames[lanes]}${formats}`;
  return { kernels, foreign, mostThreads: mostNativeThreads, description };
};

const tryBlas: Attempt = async (arena) => {
  const { findBlas } = await import("./blas/blas_kernels_ffi.ts");
  const found = findBlas();
  if (typeof found === "string") return found;
  const foreign = { kind: "blas", ...found } as const;
  const kernels = await attachForeignKernels(foreign, arena.buffer, 0);
  if (!isProductRight(kernels, arena)) return `${found.library} computes wrong products`;
  const description = `${found.library} and ${wasmDescription()}`;
  return { kernels, foreign, mostThreads: Infinity, description };
};

const attempts = { native: tryNative(16), "native-avx2": tryNative(8), blas: tryBlas };

/**
 * @throws UserError if the requested provider is not available
 */
export async function chooseProvider(
  arena: Arena,
  wasmKernels: KernelTable,
  options: ProviderOptions,
): Promise<Provider> {
  const wanted = options.provider ?? "auto";
  const names = wanted === "auto" ? ["native", "blas"] as const : wanted === "wasm" ? [] : [wanted];
  for (const name of names) {
    const found = await attempt(attempts[name], arena, wasmKernels, options);
    if (typeof found !== "string") return found;
    if (wanted === "auto") {
      if (!options.useAmx) continue;
      return await chooseProvider(arena, wasmKernels, { ...options, useAmx: false });
    }
    throw new UserError(`Cannot use the kernel provider "${name}": ${found}`, {
      hint: 'provider "auto" uses what is available',
    });
  }
  return { kernels: {}, foreign: null, mostThreads: Infinity, description: wasmDescription() };
}

/** Whatever goes wrong when calling the system is a reason to do without the provider. */
async function attempt(
  tryProvider: Attempt,
  arena: Arena,
  wasmKernels: KernelTable,
  options: ProviderOptions,
): Promise<Provider | string> {
  if (!("Deno" in globalThis)) return "it needs Deno";
  try {
    return await tryProvider(arena, wasmKernels, options);
  } catch (error) {
    return messageOf(error);
  }
}
