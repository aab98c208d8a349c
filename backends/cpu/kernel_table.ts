/** All kernels as one WebAssembly module. @module */

import { describeKernel, type KernelDescription } from "./code/kernel_builder.ts";
import { activationKernels } from "./descriptions/activations.ts";
import { adamWKernels } from "./descriptions/adam_w.ts";
import { columnKernels } from "./descriptions/columns.ts";
import { gemmKernels } from "./descriptions/gemm.ts";
import { layerNormKernels } from "./descriptions/layer_norm.ts";
import { packKernels } from "./descriptions/pack.ts";
import { residualKernels } from "./descriptions/residual.ts";
import { rowKernels } from "./descriptions/rows.ts";
import { softmaxKernels } from "./descriptions/softmax.ts";
import { tokenKernels } from "./descriptions/tokens.ts";
import { vectorKernels } from "./descriptions/vectors.ts";
import type { KernelTable } from "./jobs/job.ts";
import type { ArenaMemory } from "./memory/arena_memory.ts";
import { encodeKernel, wasmLanes } from "./wasm/encode_kernel.ts";
import { encodeModule } from "./wasm/encode_module.ts";

/** Every kernel that the jobs call; any number of lanes can be encoded for. */
export const portableKernels: readonly KernelDescription[] = [
  ...gemmKernels,
  ...packKernels,
  ...activationKernels,
  ...columnKernels,
  ...rowKernels,
  ...layerNormKernels,
  ...softmaxKernels,
  ...residualKernels,
  ...tokenKernels,
  ...vectorKernels,
  ...adamWKernels,
];

type MemoryKind = Pick<ArenaMemory, "addressBits" | "isShared" | "maximumBytes">;

function encode(
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
  return WebAssembly.validate(encode([probe], memory, true));
}

const encoded = new Map<string, Uint8Array<ArrayBuffer>>();

/** The bytes of the module for this kind of memory; encoded once. */
export function encodeKernels(
  { addressBits, isShared, maximumBytes }: MemoryKind,
): Uint8Array<ArrayBuffer> {
  const key = [addressBits, isShared, maximumBytes].join();
  const known = encoded.get(key);
  if (known !== undefined) return known;
  const bytes = encode(
    portableKernels,
    { addressBits, isShared, maximumBytes },
    hasRelaxedSimd(),
  );
  encoded.set(key, bytes);
  return bytes;
}

/** The kernels, ready to be called on this thread. */
export function instantiateKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): KernelTable {
  const instance = new WebAssembly.Instance(module, { host: { memory } });
  return { ...instance.exports } as unknown as KernelTable;
}
