/** How a thread calls machine code that has been placed. @module */

import type { KernelTable } from "../../threads/job.ts";
import { addressOfBuffer, functionOfValues } from "./executable_memory_ffi.ts";
import type { NativeCode } from "./native_code.ts";

/** Where each thread puts the arguments of its calls, below the arena's first block. */
const valuesStart = 2048;
const valuesPerThread = 32;

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
