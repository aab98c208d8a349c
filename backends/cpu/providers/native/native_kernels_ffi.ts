/**
 * The `native` provider: the portable kernels as AVX2 or AVX-512 machine code, called through FFI.
 *
 * @module
 */

import { concatBytes } from "../../../../core/concatenate.ts";
import { describeKernel } from "../../code/kernel_builder.ts";
import type { KernelTable } from "../../jobs/job.ts";
import { gemmPairKernels } from "../../descriptions/gemm.ts";
import { pairPackKernels } from "../../descriptions/pack.ts";
import { portableKernels } from "../../kernel_table.ts";
import { encodeX64 } from "./encode_kernel.ts";
import {
  addressOfBuffer,
  functionOfValues,
  type NativeHost,
  openNativeHost,
} from "./executable_memory_ffi.ts";
import type { Lanes, NativeCode } from "./native_code.ts";
import { vectorSupport } from "./processor_ffi.ts";

/** Where each thread puts the values of its calls, below the arena's first block. */
const valuesStart = 2048;
const valuesPerThread = 32;

interface EncodedKernel {
  readonly name: string;
  readonly code: Uint8Array;
}

/** The code depends on nothing but the processor: one copy serves every backend of the process. */
const placed = new Map<Lanes, { native: NativeCode; codes: readonly EncodedKernel[] }>();

/**
 * Encodes and places all portable kernels, for vectors of at most `mostLanes`; the reason where that
 * is not possible.
 */
export function placeNativeKernels(
  mostLanes: Lanes,
  dump: (name: string, bytes: Uint8Array) => void,
): NativeCode | string {
  const host = openNativeHost();
  if (typeof host === "string") return host;
  const support = vectorSupport(host);
  if (support === null) return "the processor lacks AVX2 or FMA";
  const lanes = support.lanes > mostLanes ? mostLanes : support.lanes;
  const hasBfloat16 = support.hasBfloat16 && lanes === 16;
  let known = placed.get(lanes);
  if (known === undefined) {
    const descriptions = [
      ...portableKernels,
      ...(hasBfloat16 ? [...gemmPairKernels, ...pairPackKernels] : []),
    ];
    const codes = descriptions.map((description) => ({
      name: description.name,
      code: encodeX64(describeKernel(description, lanes), lanes),
    }));
    known = { native: { lanes, hasBfloat16, addresses: place(host, codes) }, codes };
    placed.set(lanes, known);
  }
  for (const { name, code } of known.codes) dump(`${name}.x64`, code);
  return known.native;
}

function place(host: NativeHost, codes: readonly EncodedKernel[]): NativeCode["addresses"] {
  let end = host.place(concatBytes(codes.map(({ code }) => code))).address;
  return Object.fromEntries(codes.map(({ name, code }) => {
    const start = end;
    end += BigInt(code.length);
    return [name, start];
  }));
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
