/** Targets of the encoders, for kernels written in tests. @module */

import assert from "node:assert/strict";
import {
  describeKernel,
  type KernelDescription,
} from "../../../../backends/cpu/code/kernel_builder.ts";
import { createArenaMemory } from "../../../../backends/cpu/memory/arena_memory.ts";
import { encodeX64 } from "../../../../backends/cpu/providers/native/encode_kernel.ts";
import {
  addressOfBuffer,
  functionOfValues,
  openNativeHost,
} from "../../../../backends/cpu/providers/native/executable_memory_ffi.ts";
import { vectorSupport } from "../../../../backends/cpu/providers/native/processor_ffi.ts";
import { encodeKernel } from "../../../../backends/cpu/wasm/encode_kernel.ts";
import { encodeModule } from "../../../../backends/cpu/wasm/encode_module.ts";
import { instantiateKernels } from "../../../../backends/cpu/wasm/instantiate_kernels.ts";

/** Runs a kernel on one memory of float32, with arguments. */
export interface Target {
  name: string;
  lanes: number;
  run(description: KernelDescription, memory: Float32Array, values: number[]): void;
}

/** Address of a kernel's data. */
export const dataStart = 65536;

function wasmTarget(addressBits: 32 | 64, hasRelaxedSimd: boolean): Target {
  return {
    name: `wasm${addressBits}${hasRelaxedSimd ? " relaxed" : ""}`,
    lanes: 4,
    run: (description, data, values) => {
      const kind = addressBits === 64
        ? createArenaMemory()
        : createArenaMemory({ shared: false, maximumBytes: 2 ** 26 });
      assert.equal(kind.addressBits, addressBits);
      const code = encodeKernel(describeKernel(description, 4), { addressBits, hasRelaxedSimd });
      const module = new WebAssembly.Module(encodeModule([code], kind));
      const memory = new Float32Array(
        kind.memory.buffer as ArrayBuffer,
        dataStart,
        data.length,
      );
      memory.set(data);
      instantiateKernels(module, kind.memory)[description.name](...values);
      data.set(memory);
    },
  };
}

const host = openNativeHost();
/** Whether the processor multiplies pairs of bfloat16. */
export const hasBfloat16 = typeof host !== "string" && (vectorSupport(host)?.hasBfloat16 ?? false);

function nativeTarget(lanes: 8 | 16): Target | null {
  if (typeof host === "string" || (vectorSupport(host)?.lanes ?? 0) < lanes) return null;
  return {
    name: `x64 ${lanes} lanes`,
    lanes,
    run: (description, data, values) => {
      const buffer = new ArrayBuffer(dataStart + data.byteLength);
      const memory = new Float32Array(buffer, dataStart);
      memory.set(data);
      const numbers = new Float64Array([0, ...values]);
      new BigInt64Array(numbers.buffer)[0] = addressOfBuffer(buffer);
      const code = host.place(
        encodeX64(describeKernel(description, lanes), lanes, host.convention),
      );
      functionOfValues(code.address, numbers)();
      code.free();
      data.set(memory);
    },
  };
}

/** What this machine can run kernels on. */
export const targets = [
  wasmTarget(64, true),
  wasmTarget(64, false),
  wasmTarget(32, true),
  nativeTarget(8),
  nativeTarget(16),
].filter((target) => target !== null);
