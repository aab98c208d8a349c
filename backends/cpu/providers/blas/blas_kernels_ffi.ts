/**
 * The `blas` provider: matrix products by a library installed on the system.
 *
 * Each of our threads calls it for its own rows, so the library itself is told to use one thread.
 *
 * @module
 */

import type { KernelTable } from "../../threads/job.ts";
import { addressOfBuffer } from "../native/executable_memory_ffi.ts";

const rowMajor = 101;
const notTransposed = 111;
const transposed = 112;

/** Libraries by their file name, best first. */
const candidates: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  darwin: ["/System/Library/Frameworks/Accelerate.framework/Accelerate"],
  linux: ["libmkl_rt.so.2", "libmkl_rt.so", "libopenblas.so.0", "libopenblas.so"],
  windows: ["mkl_rt.2.dll", "libopenblas.dll", "openblas.dll"],
};

const sgemm = {
  parameters: [
    ...(["i32", "i32", "i32", "i32", "i32", "i32", "f32"] as const),
    ...(["pointer", "i32", "pointer", "i32", "f32", "pointer", "i32"] as const),
  ],
  result: "void",
} as const;

const setThreads = { parameters: ["i32"], result: "void", optional: true } as const;

const symbols = {
  cblas_sgemm: sgemm,
  openblas_set_num_threads: setThreads,
  MKL_Set_Num_Threads: setThreads,
  // From macOS 15 on.
  BLASSetThreading: { ...setThreads, result: "i32" },
} as const;

/** Accelerate's constant for one thread: that of the caller, for whom alone it is set. */
const singleThreaded = 1;

/** The file name of a usable library, or why there is none. */
export function findBlas(): { library: string } | string {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return "it needs --allow-ffi";
  }
  const names = candidates[Deno.build.os] ?? [];
  for (const library of names) {
    try {
      Deno.dlopen(library, symbols).close();
      return { library };
    } catch {
      // The next one may be there.
    }
  }
  return `none of these libraries is installed: ${names.join(", ")}`;
}

/** Entries into the library for one thread. */
export function attachBlas(
  { library }: { library: string },
  buffer: ArrayBufferLike,
): KernelTable {
  const { cblas_sgemm, openblas_set_num_threads, MKL_Set_Num_Threads, BLASSetThreading } =
    Deno.dlopen(library, symbols).symbols;
  openblas_set_num_threads?.(1);
  MKL_Set_Num_Threads?.(1);
  BLASSetThreading?.(singleThreaded);
  const base = addressOfBuffer(buffer);
  const at = (offset: number) => Deno.UnsafePointer.create(base + BigInt(offset));
  return {
    matrixProduct: (aIsTransposed, bIsTransposed, rows, columns, depth, ...rest) => {
      const [a, aRowBytes, b, bRowBytes, keeps, c, rowBytes] = rest;
      cblas_sgemm(
        rowMajor,
        aIsTransposed ? transposed : notTransposed,
        bIsTransposed ? transposed : notTransposed,
        rows,
        columns,
        depth,
        1,
        at(a),
        aRowBytes / 4,
        at(b),
        bRowBytes / 4,
        keeps,
        at(c),
        rowBytes / 4,
      );
    },
  };
}
