/** What an operating system provides for running machine code. @module */

import type { CallingConvention } from "../calling_convention.ts";

/** Code that may be called, by the address of its first byte. */
export interface ExecutableCode {
  readonly address: bigint;
  free(): void;
}

/** How machine code is placed, and what it must keep to. */
export interface NativeHost {
  readonly convention: CallingConvention;
  /**
   * Copies code to memory of its own, which is executable only once it is no longer writable.
   *
   * @throws Error if the system refuses
   */
  place(code: Uint8Array): ExecutableCode;
  /** Asks for tile registers (AMX) for all threads of the process; the reason if it may not use them. */
  askForTiles(): string | null;
}

/** C's `bsearch(key, base, count, size, compare)` as a library's function. */
export interface NativeSystem extends NativeHost {
  readonly bsearch: (
    key: Deno.PointerValue,
    base: Deno.PointerValue,
    count: bigint,
    size: bigint,
    compare: Deno.PointerValue,
  ) => void;
}

/** The types of `bsearch` for FFI. */
export const bsearch = {
  parameters: ["pointer", "pointer", "usize", "usize", "pointer"],
  result: "void",
} as const;
