/**
 * Machine code in its own memory, which is executable only once it is no longer writable, and how to call
 * it.
 *
 * Linux and Windows on x86-64 under Deno with `--allow-ffi`; elsewhere {@link openNativeHost} gives the
 * reason.
 *
 * @module
 */

import { messageOf } from "../../../../core/errors.ts";
import { openLinux } from "./systems/linux_ffi.ts";
import type { NativeHost, NativeSystem } from "./systems/system_ffi.ts";
import { openWindows } from "./systems/windows_ffi.ts";

const systems: Partial<Record<typeof Deno.build.os, () => NativeSystem>> = {
  linux: openLinux,
  windows: openWindows,
};

let opened: NativeSystem | undefined;

function system(): NativeSystem {
  return opened ??= systems[Deno.build.os]!();
}

/** The host, or why there is none. */
export function openNativeHost(): NativeHost | string {
  const { os, arch } = Deno.build;
  if (!(os in systems) || arch !== "x86_64") {
    return `it is for Linux and Windows on x86-64, this is ${os} ${arch}`;
  }
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return "it needs --allow-ffi";
  }
  try {
    return system();
  } catch (error) {
    return `the system's C library cannot be opened: ${messageOf(error)}`;
  }
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
  const call = system().bsearch;
  // Passing these as numbers would take the slow path again.
  return () => call(key, key, 1n, 8n, code);
}
