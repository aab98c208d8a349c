/** Puts encoded kernels into one WebAssembly module that imports its memory. @module */

import type { ArenaMemory } from "../memory/arena_memory.ts";
import { pageBytes } from "../memory/arena_memory.ts";
import { list, section, text, unsigned } from "./bytes.ts";
import type { EncodedFunction } from "./encode_kernel.ts";

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

type MemoryKind = Pick<ArenaMemory, "addressBits" | "isShared" | "maximumBytes">;

function memoryImport({ addressBits, isShared, maximumBytes }: MemoryKind): number[] {
  const hasMaximum = 1;
  const flags = hasMaximum | (isShared ? 2 : 0) | (addressBits === 64 ? 4 : 0);
  const limits = [flags, ...unsigned(1), ...unsigned(Math.floor(maximumBytes / pageBytes))];
  return [...text("host"), ...text("memory"), 0x02, ...limits];
}

function functionBody({ localTypes, code }: EncodedFunction): number[] {
  const locals = list(localTypes.map((type) => [1, type]));
  return [...unsigned(locals.length + code.length), ...locals, ...code];
}

/** The bytes of a module that exports each function under its name. */
export function encodeModule(
  functions: readonly EncodedFunction[],
  memory: MemoryKind,
): Uint8Array<ArrayBuffer> {
  const signatures = functions.map(({ parameterTypes }) => [
    0x60,
    ...list(parameterTypes.map((type) => [type])),
    0,
  ]);
  const keys = signatures.map((signature) => signature.join());
  const types = [...new Set(keys)];
  const exported = functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]);
  return new Uint8Array([
    ...header,
    ...section(1, list(types.map((key) => signatures[keys.indexOf(key)]))),
    ...section(2, list([memoryImport(memory)])),
    ...section(3, list(keys.map((key) => unsigned(types.indexOf(key))))),
    ...section(7, list(exported)),
    ...section(10, list(functions.map(functionBody))),
  ]);
}
