/** Kernels as AVX-512 and AMX machine code, executed by the model of the processor. */

import {
  describeKernel,
  type KernelDescription,
} from "../../../backends/cpu/code/kernel_builder.ts";
import { encodePortableKernels } from "../../../backends/cpu/kernels/kernel_table.ts";
import { Arena } from "../../../backends/cpu/memory/arena.ts";
import { bfloat16Descriptions as normToBfloat16 } from "../../../backends/cpu/kernels/layer_norm/description.ts";
import { bfloat16Descriptions } from "../../../backends/cpu/kernels/linear/description.ts";
import { createArenaMemory } from "../../../backends/cpu/memory/arena_memory.ts";
import { descriptions as tiles } from "../../../backends/cpu/products/amx/description.ts";
import { pairDescriptions as gemmOfPairs } from "../../../backends/cpu/products/gemm/description.ts";
import { pairDescriptions as packInPairs } from "../../../backends/cpu/products/pack/description.ts";
import { systemV } from "../../../backends/cpu/providers/native/calling_convention.ts";
import { encodeX64 } from "../../../backends/cpu/providers/native/encode_kernel.ts";
import type { KernelTable } from "../../../backends/cpu/threads/job.ts";
import { instantiateKernels } from "../../../backends/cpu/wasm/instantiate_kernels.ts";
import { X64Model } from "./providers/native/_x64_model.ts";

/** Those that processors with AVX512-BF16 have besides the portable ones. */
export const pairKernels: readonly KernelDescription[] = [
  ...gemmOfPairs,
  ...packInPairs,
  ...bfloat16Descriptions,
  ...normToBfloat16,
];

/** Those that processors with AMX have besides. */
export const tileKernels: readonly KernelDescription[] = tiles;

const lanes = 16;

/** The kernels for `arena`'s memory. */
export function modelKernels(
  model: X64Model,
  descriptions: readonly KernelDescription[],
): KernelTable {
  return Object.fromEntries(descriptions.map((description) => {
    const code = encodeX64(describeKernel(description, lanes), lanes, systemV);
    return [description.name, model.load(code)] as const;
  }));
}

/** A memory with the WebAssembly kernels, and the model of a processor that reaches it. */
export function openModel() {
  const memory = createArenaMemory({ maximumBytes: 2 ** 28 });
  const arena = new Arena(memory);
  // The arena grows at its first block; the model's view of the memory does not.
  arena.free(arena.allocate(2 ** 24));
  const module = new WebAssembly.Module(encodePortableKernels(memory));
  const wasmKernels = instantiateKernels(module, memory.memory);
  return { arena, module, wasmKernels, model: new X64Model(arena.buffer) };
}
