/**
 * A job: work that is divided among threads, as a function of its arguments and an item's number.
 *
 * Items are independent, and what an item computes must not depend on which thread takes it or on how
 * many threads there are: this makes results bitwise equal for any number of threads.
 *
 * @module
 */

import type { Tiling } from "../products/tile.ts";

/** Kernels by name: float64 addresses and counts, float32 scalars, in the order of their parameters. */
export type KernelTable = Readonly<Record<string, (...values: number[]) => void>>;

/** What every job on a thread can use. */
export interface ThreadTools {
  readonly kernels: KernelTable;
  /** The same kernels, by their index in the table. */
  readonly numbered: readonly KernelTable[string][];
  /** The packed panels that `gemmBlock` of these kernels expects. */
  readonly tile: Tiling;
  /** The whole memory as float64 numbers; an address is a byte offset into it. */
  readonly numbers: () => Float64Array;
}

/** What an item of a job can use. */
export interface Bench extends ThreadTools {
  /** Address of this thread's own scratch memory, as large as the job asked for. */
  readonly scratch: number;
}

/** Numbers by name; addresses are byte offsets into the memory. */
export type JobArguments<Field extends string> = Readonly<Record<Field, number>>;

/** See the module comment. */
export interface Job<Field extends string = string> {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly run: (bench: Bench, values: JobArguments<Field>, item: number) => void;
}

/** Defines a job whose `run` is typed by its `fields`. */
export function defineJob<const Field extends string>(
  name: string,
  fields: readonly Field[],
  run: (bench: Bench, values: JobArguments<Field>, item: number) => void,
): Job<Field> {
  return { name, fields, run };
}

/** Whether a module's export is a job. */
export function isJob(value: unknown): value is Job {
  return typeof value === "object" && value !== null && "fields" in value;
}

/** {@link ThreadTools.numbers} of a memory that may grow. */
export function numbersOf(memory: { readonly buffer: ArrayBufferLike }): () => Float64Array {
  let view = new Float64Array(memory.buffer as ArrayBuffer);
  return () => {
    const buffer = memory.buffer as ArrayBuffer;
    return view.buffer === buffer ? view : view = new Float64Array(buffer);
  };
}
