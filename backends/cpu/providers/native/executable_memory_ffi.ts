/**
 * Machine code in its own memory, which is executable only once it is no longer writable.
 *
 * Linux on x86-64 under Deno with `--allow-ffi`; elsewhere {@link openNativeHost} gives the reason.
 *
 * @module
 */

const libraryName = "libc.so.6";

const symbols = {
  mmap: {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  mprotect: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  bsearch: { parameters: ["pointer", "pointer", "usize", "usize", "pointer"], result: "void" },
} as const;

let opened: Deno.StaticForeignLibraryInterface<typeof symbols> | undefined;

function libc() {
  return opened ??= Deno.dlopen(libraryName, symbols).symbols;
}

const protection = { readWrite: 3, readExecute: 5 };
const privateAnonymous = 0x22;
const pageBytes = 4096;

/** Code that may be called, by the address of its first byte. */
export interface ExecutableCode {
  readonly address: bigint;
  free(): void;
}

/** What the operating system provides for running code. */
export interface NativeHost {
  place(code: Uint8Array): ExecutableCode;
}

/** The host, or why there is none. */
export function openNativeHost(): NativeHost | string {
  const { os, arch } = Deno.build;
  if (os !== "linux" || arch !== "x86_64") {
    return `it is for Linux on x86-64, this is ${os} ${arch}`;
  }
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return "it needs --allow-ffi";
  }
  try {
    libc();
    return { place };
  } catch (error) {
    return `${libraryName} cannot be opened: ${(error as Error).message}`;
  }
}

function place(code: Uint8Array): ExecutableCode {
  const { mmap, mprotect, munmap } = libc();
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
}

/** The address of a buffer's first byte. */
export function addressOfBuffer(buffer: ArrayBufferLike): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer as ArrayBuffer)));
}

/**
 * Calls code of the type `void f(const double *)` with `values`.
 *
 * It goes through `bsearch`, which for a table of one entry calls its comparison once, with the key: V8
 * calls a library's functions in a few nanoseconds, but given a bare address, Deno goes through libffi,
 * which takes a microsecond.
 */
export function functionOfValues(address: bigint, values: Float64Array): () => void {
  const code = Deno.UnsafePointer.create(address);
  const key = Deno.UnsafePointer.of(values as Float64Array<ArrayBuffer>);
  if (code === null) throw new Error("Cannot call machine code: its address is 0");
  const call = libc().bsearch;
  // Passing these as numbers would take the slow path again.
  return () => call(key, key, 1n, 8n, code);
}
