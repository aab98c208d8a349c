/**
 * Where kernels may come from: a line for each candidate.
 *
 * @module
 */

import { messageOf } from "../../../core/errors.ts";
import { describeKernel } from "../code/kernel_builder.ts";
import { portableKernels } from "../kernels/kernel_table.ts";
import type { Arena } from "../memory/arena.ts";
import type { Tiling, WideTiling } from "../products/tile.ts";
import type { KernelTable } from "../threads/job.ts";
import { hasRelaxedSimd } from "../wasm/encode_kernels.ts";
import { wasmLanes } from "../wasm/lanes.ts";
import { attachForeignKernels, type ForeignKernels } from "./foreign_kernels.ts";
import { type Lanes, mostNativeThreads, type NativeCode } from "./native/native_code.ts";
import { findDifference, findGemmDifference, isProductRight } from "./self_check.ts";

/** What replaces the WebAssembly kernels. */
export interface Provider {
  readonly kernels: KernelTable;
  /** For the worker threads. */
  readonly foreign: ForeignKernels | null;
  readonly mostThreads: number;
  readonly description: string;
}

/** What a provider is built on. */
export interface ProviderGround {
  readonly arena: Arena;
  readonly wasmKernels: KernelTable;
  /** How products in float32 are cut with AVX-512, if not as usual; the results are the same bits. */
  readonly wideTiling?: WideTiling | undefined;
  /** Called with the generated code, for a disassembler. */
  readonly dumpKernels?: ((name: string, bytes: Uint8Array) => void) | undefined;
}

/** Tries a provider; a string is the reason why it is not available. */
type Attempt = (ground: ProviderGround) => Promise<Provider | string>;

function wasmDescription(): string {
  return `WebAssembly SIMD${hasRelaxedSimd() ? " with fused multiply-add" : ""}`;
}

/** What the self-check found; the same code serves all backends of the process. */
const nativeDifferences = new Map<NativeCode["addresses"], string | null>();

function findNativeDifference(
  wasmKernels: KernelTable,
  kernels: KernelTable,
  tiling: Tiling,
  arena: Arena,
): string | null {
  // The tile of a matrix product has a different shape for each vector width.
  const comparable = portableKernels.filter(({ name }) => !/^(gemm|pack)/.test(name));
  const codes = comparable.map((description) => describeKernel(description, wasmLanes));
  return findDifference(codes, wasmKernels, kernels, arena) ??
    findGemmDifference(wasmKernels, kernels, tiling, arena);
}

const nativeNames = { 8: "AVX2", 16: "AVX-512" };

interface NativeWish {
  /** With tile registers (AMX), which some Intel processors have. */
  readonly useAmx?: boolean;
}

const tryNative = (wanted: Lanes, { useAmx = false }: NativeWish = {}): Attempt => {
  return async ({ arena, wasmKernels, wideTiling, dumpKernels = () => {} }) => {
    const { placeNativeKernels } = await import("./native/place_native_kernels.ts");
    const native = placeNativeKernels({ mostLanes: wanted, useAmx, wideTiling }, dumpKernels);
    if (typeof native === "string") return native;
    const { lanes, addresses } = native;
    if (lanes !== wanted) return `the processor lacks ${nativeNames[wanted]}`;
    const foreign = { kind: "native", ...native } as const;
    const kernels = await attachForeignKernels(foreign, arena.buffer, 0);
    let different = nativeDifferences.get(addresses);
    // null says that nothing differs, which need not be found out again either.
    if (different === undefined) {
      // Other tilings differ from the usual one in the product alone, and the usual one comes first.
      const find = wideTiling === undefined ? findNativeDifference : findGemmDifference;
      different = find(wasmKernels, kernels, native.tiling, arena);
      nativeDifferences.set(addresses, different);
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
};

const tryBlas: Attempt = async ({ arena }) => {
  const { findBlas } = await import("./blas/blas_kernels_ffi.ts");
  const found = findBlas();
  if (typeof found === "string") return found;
  const foreign = { kind: "blas", ...found } as const;
  const kernels = await attachForeignKernels(foreign, arena.buffer, 0);
  if (!isProductRight(kernels, arena)) return `${found.library} computes wrong products`;
  const description = `${found.library} and ${wasmDescription()}`;
  return { kernels, foreign, mostThreads: Infinity, description };
};

const useWasm: Attempt = () =>
  Promise.resolve({
    kernels: {},
    foreign: null,
    mostThreads: Infinity,
    description: wasmDescription(),
  });

/**
 * All of them; of two that are equally fast, the one listed first is taken. Each is timed in float32
 * and in the reduced formats that its kernels have.
 */
export const candidates = {
  "native-avx512": tryNative(16),
  // Not before the one above: it differs from that in bfloat16 alone, where it must be clearly faster.
  "native-amx": tryNative(16, { useAmx: true }),
  "native-avx2": tryNative(8),
  blas: tryBlas,
  wasm: useWasm,
} as const satisfies Readonly<Record<string, Attempt>>;

/** The name of a candidate. */
export type ProviderName = keyof typeof candidates;

/** The names of all candidates, in order. */
export const providerNames = Object.keys(candidates) as ProviderName[];

/** Tries a candidate. Whatever goes wrong when calling the system is a reason to do without it. */
export async function tryProvider(
  name: ProviderName,
  ground: ProviderGround,
): Promise<Provider | string> {
  if (name !== "wasm" && !("Deno" in globalThis)) return "it needs Deno";
  try {
    return await candidates[name](ground);
  } catch (error) {
    return messageOf(error);
  }
}
