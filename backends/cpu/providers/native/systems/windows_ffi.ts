/**
 * Machine code on Windows.
 *
 * The functions take any number of bytes and round it to whole pages themselves. Making pages executable
 * also tells Control Flow Guard, with which ucrtbase calls `bsearch`'s comparison, that any place in
 * them may be called (Microsoft, "Memory Protection Constants").
 *
 * @module
 */

import { windowsX64 } from "../calling_convention.ts";
import { bsearch, type ExecutableCode, type NativeSystem } from "./system_ffi.ts";

const kernel32Symbols = {
  VirtualAlloc: { parameters: ["pointer", "usize", "u32", "u32"], result: "pointer" },
  VirtualProtect: { parameters: ["pointer", "usize", "u32", "buffer"], result: "i32" },
  VirtualFree: { parameters: ["pointer", "usize", "u32"], result: "i32" },
  FlushInstructionCache: { parameters: ["pointer", "pointer", "usize"], result: "i32" },
} as const;

const commitAndReserve = 0x3000;
const release = 0x8000;
const protection = { readWrite: 0x04, readExecute: 0x20 };
/** What `GetCurrentProcess` returns. */
const thisProcess = 0xffff_ffff_ffff_ffffn;

/** @throws Error if the system's libraries cannot be opened */
export function openWindows(): NativeSystem {
  const { VirtualAlloc, VirtualProtect, VirtualFree, FlushInstructionCache } =
    Deno.dlopen("kernel32.dll", kernel32Symbols).symbols;
  const place = (code: Uint8Array): ExecutableCode => {
    const bytes = BigInt(code.length);
    const pointer = VirtualAlloc(null, bytes, commitAndReserve, protection.readWrite);
    if (pointer === null) throw new Error("Cannot place machine code: VirtualAlloc failed");
    new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, code.length)).set(code);
    const previous = new Uint32Array(1);
    if (VirtualProtect(pointer, bytes, protection.readExecute, previous) === 0) {
      VirtualFree(pointer, 0n, release);
      throw new Error("Cannot place machine code: the system forbids making it executable");
    }
    FlushInstructionCache(Deno.UnsafePointer.create(thisProcess), pointer, bytes);
    const address = Deno.UnsafePointer.value(pointer);
    return { address, free: () => void VirtualFree(pointer, 0n, release) };
  };
  return {
    convention: windowsX64,
    place,
    askForTiles: () => "asking Windows for them is not implemented",
    bsearch: Deno.dlopen("ucrtbase.dll", { bsearch }).symbols.bsearch,
  };
}
