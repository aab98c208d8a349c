/**
 * The sum of float16 numbers, for which MPI has no type: a custom reduction over 16-bit words.
 *
 * @module
 */

import type { MpiLibrary } from "./library_ffi.ts";

/** Adds in float32 and rounds to float16, element by element: `into` ← `from` + `into`. */
export function addFloat16(from: Uint16Array<ArrayBuffer>, into: Uint16Array<ArrayBuffer>): void {
  const a = new Float16Array(from.buffer, from.byteOffset, from.length);
  const b = new Float16Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < b.length; i++) b[i] += a[i];
}

/** Registers {@link addFloat16} and returns MPI's handle for it. It lives as long as the process. */
export function createFloat16Sum({ calls }: MpiLibrary): bigint {
  const callback = new Deno.UnsafeCallback(
    { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "void" },
    (from, into, length) => {
      const count = new Deno.UnsafePointerView(length!).getInt32();
      const words = (pointer: Deno.PointerValue) =>
        new Uint16Array(Deno.UnsafePointerView.getArrayBuffer(pointer!, 2 * count));
      addFloat16(words(from), words(into));
    },
  );
  const handle = new BigUint64Array(1);
  const isCommutative = 1;
  const code = calls.MPI_Op_create(callback.pointer, isCommutative, handle);
  if (code !== 0) throw new Error(`MPI_Op_create failed with code ${code}`);
  return handle[0];
}
