/** Machine code on Linux. @module */

import { systemV } from "../calling_convention.ts";
import { bsearch, type ExecutableCode, type NativeSystem } from "./system_ffi.ts";

const symbols = {
  mmap: {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  bsearch,
  syscall: { parameters: ["i64", "i64", "i64"], result: "i64" },
} as const;

/**
 * Linux keeps the state of tiles, 8 KiB a thread, only for processes that asked for it (Linux, "Using
 * XSTATE features in user space applications").
 */
const tilePermission = { archPrctl: 158n, requestState: 0x1023n, tileData: 18n };

const protection = { readWrite: 3, readExecute: 5 };
const privateAnonymous = 0x22;
const pageBytes = 4096;

/** @throws Error if libc cannot be opened */
export function openLinux(): NativeSystem {
  const { mmap, mprotect, munmap, bsearch, syscall } = Deno.dlopen("libc.so.6", symbols).symbols;
  const place = (code: Uint8Array): ExecutableCode => {
    const bytes = BigInt(Math.ceil(code.length / pageBytes) * pageBytes);
    const pointer = mmap(null, bytes, protection.readWrite, privateAnonymous, -1, 0n);
    const address = Deno.UnsafePointer.value(pointer);
    if (pointer === null || address === 0xffff_ffff_ffff_ffffn) {
      throw new Error("Cannot place machine code: mmap failed");
    }
    new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, code.length)).set(code);
    if (mprotect(pointer, bytes, protection.readExecute) !== 0) {
      munmap(pointer, bytes);
      throw new Error("Cannot place machine code: the system forbids making it executable");
    }
    return { address, free: () => void munmap(pointer, bytes) };
  };
  let areTilesRefused: boolean | undefined;
  const askForTiles = () => {
    const { archPrctl, requestState, tileData } = tilePermission;
    areTilesRefused ??= syscall(archPrctl, requestState, tileData) !== 0n;
    return areTilesRefused
      ? "Linux, which must be 5.16 or later, refuses them to this process"
      : null;
  };
  return { convention: systemV, place, askForTiles, bsearch };
}
