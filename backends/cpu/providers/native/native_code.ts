/** What threads need to know about machine code that one of them has placed. @module */

import type { Tiling } from "../../products/tile.ts";

/** There is room for the call arguments of this many threads. */
export const mostNativeThreads = 96;

/** float32 lanes of a vector: those of AVX2 and of AVX-512. */
export type Lanes = 8 | 16;

/** Where kernels start, by name; the same in all threads of the process. */
export interface NativeCode {
  readonly lanes: Lanes;
  /** Whether there is `gemmBlockOfPairs`. */
  readonly hasBfloat16: boolean;
  /** Whether there is `tileBlock`. */
  readonly hasTiles: boolean;
  /** How `gemmBlock` cuts products. */
  readonly tiling: Tiling;
  readonly addresses: Readonly<Record<string, bigint>>;
}
