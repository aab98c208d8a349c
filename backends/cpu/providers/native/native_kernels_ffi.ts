/**
 * The `native` provider: the portable kernels as AVX2 machine code, called through FFI.
 *
 * @module
 */

import { describeKernel } from "../../code/kernel_builder.ts";
import type { KernelTable } from "../../jobs/job.ts";
import { portableKernels } from "../../kernel_table.ts";
import { encodeX64 } from "./encode_x64.ts";
import {
  addressOfBuffer,
  functionOfValues,
  type NativeHost,
  openNativeHost,
} from "./executable_memory_ffi.ts";
import { avxLanes, type NativeCode } from "./native_code.ts";
import { hasAvx2 } from "./processor_ffi.ts";

/** Where each thread puts the values of its calls, below the arena's first block. */
const valuesStart = 2048;
const valuesPerThread = 32;

const codeAlignment = 64;

interface EncodedKernel {
  readonly name: string;
  readonly code: Uint8Array;
}

/** The code depends on nothing but the processor: one copy serves every backend of the process. */
let placed: { native: NativeCode; codes: readonly EncodedKernel[] } | null = null;

/** Encodes and places all portable kernels; the reason where that is not possible. */
export function placeNativeKernels(
  dump: (name: string, bytes: Uint8Array) => void,
): NativeCode | string {
  if (placed === null) {
    const host = openNativeHost();
    if (typeof host === "string") return host;
    if (!hasAvx2(host)) return "the processor lacks AVX2 or FMA";
    const codes = portableKernels.map((description) => ({
      name: description.name,
      code: encodeX64(describeKernel(description, avxLanes)),
    }));
    placed = { native: place(host, codes), codes };
  }
  for (const { name, code } of placed.codes) dump(`${name}.x64`, code);
  return placed.native;
}

function place(host: NativeHost, codes: readonly EncodedKernel[]): NativeCode {
  const offsets: Record<string, number> = {};
  let length = 0;
  for (const { name, code } of codes) {
    offsets[name] = length;
    length += Math.ceil(code.length / codeAlignment) * codeAlignment;
  }
  const all = new Uint8Array(length);
  for (const { name, code } of codes) all.set(code, offsets[name]);
  const { address } = host.place(all);
  const addresses = Object.fromEntries(
    codes.map(({ name }) => [name, address + BigInt(offsets[name])]),
  );
  return { addresses };
}

/** Entries into placed code for one thread. */
export function attachNativeKernels(
  { addresses }: NativeCode,
  buffer: ArrayBufferLike,
  thread: number,
): KernelTable {
  const start = valuesStart + thread * valuesPerThread * 8;
  const values = new Float64Array(buffer as ArrayBuffer, start, valuesPerThread);
  new BigInt64Array(buffer as ArrayBuffer, start, 1)[0] = addressOfBuffer(buffer);
  const table: Record<string, (...numbers: number[]) => void> = {};
  for (const [name, address] of Object.entries(addresses)) {
    const call = functionOfValues(address, values);
    table[name] = (...numbers) => {
      for (let place = 0; place < numbers.length; place++) values[place + 1] = numbers[place];
      call();
    };
  }
  return table;
}
