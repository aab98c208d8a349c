/**
 * Work that is divided over threads: a function of its arguments and the number of an item.
 *
 * Items are independent, and what an item computes must not depend on which thread takes it or how
 * many there are: that makes results the same bits for any number of threads.
 *
 * @module
 */

import type { TileShape } from "../products/tile.ts";

/** Kernels by name: float64 addresses and counts, float32 scalars, in the order of their parameters. */
export type KernelTable = Readonly<Record<string, (...values: number[]) => void>>;

/** What all jobs have at hand on a thread. */
export interface ThreadTools {
  readonly kernels: KernelTable;
  /** The same, by their place in the table. */
  readonly numbered: readonly KernelTable[string][];
  /** Rows and columns of packed panels, as `gemmBlock` of these kernels wants them. */
  readonly tile: TileShape;
  /** The whole memory, of which an address is a byte offset, as float64 numbers. */
  readonly numbers: () => Float64Array;
}

/** What an item of a job has at hand. */
export interface Bench extends ThreadTools {
  /** Address of scratch memory of this thread alone, as large as the job asked for. */
  readonly scratch: number;
}

/** Numbers by name; addresses are byte offsets in the memory. */
export type JobArguments<Field extends string> = Readonly<Record<Field, number>>;

/** See the module's text. */
export interface Job<Field extends string = string> {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly run: (bench: Bench, values: JobArguments<Field>, item: number) => void;
}

/** Gives `fields` and the type of `run` their common names. */
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
