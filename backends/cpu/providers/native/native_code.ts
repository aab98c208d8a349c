/** What threads need to know about machine code that one of them has placed. @module */

/** float32 lanes of an AVX register. */
export const avxLanes = 8;

/** Threads for the values of whose calls there is room. */
export const mostNativeThreads = 96;

/** Where kernels start, by name; the same in all threads of the process. */
export interface NativeCode {
  readonly addresses: Readonly<Record<string, bigint>>;
}
