/** Kernels as one WebAssembly module. @module */

import { describeKernel, type KernelDescription } from "../code/kernel_builder.ts";
import type { ArenaMemory } from "../memory/arena_memory.ts";
import { encodeKernel } from "./encode_kernel.ts";
import { encodeModule } from "./encode_module.ts";
import { wasmLanes } from "./lanes.ts";

/** What the code depends on. */
export type MemoryKind = Pick<ArenaMemory, "addressBits" | "isShared" | "maximumBytes">;

/** The bytes of a module with these kernels. */
export function encodeKernels(
  descriptions: readonly KernelDescription[],
  memory: MemoryKind,
  hasRelaxedSimd: boolean,
): Uint8Array<ArrayBuffer> {
  const target = { addressBits: memory.addressBits, hasRelaxedSimd };
  const functions = descriptions.map((description) =>
    encodeKernel(describeKernel(description, wasmLanes), target)
  );
  return encodeModule(functions, memory);
}

/** Whether this engine knows the fused multiply-add of relaxed SIMD. */
export function hasRelaxedSimd(): boolean {
  const probe: KernelDescription = {
    name: "probe",
    build: (k) => {
      const [pointer] = k.indices("pointer");
      k.store(pointer, k.load(pointer).multiplyAdd(2, 1));
    },
  };
  const memory = { addressBits: 32, isShared: false, maximumBytes: 65536 } as const;
  return WebAssembly.validate(encodeKernels([probe], memory, true));
}
