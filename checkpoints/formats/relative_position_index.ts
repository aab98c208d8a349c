/**
 * Which row of the relative-position table each pair of tokens uses.
 *
 * @module
 */

import type { LazyTensor } from "../tensors/tensor_data.ts";

/** Rows of the table for a square window of `side` patches: (2·side − 1)², plus 3 for the cls token. */
export function tableRows(side: number): number {
  return (2 * side - 1) ** 2 + 3;
}

/** The side of the window whose table has that many rows; `undefined` if there is none. */
export function sideOfTable(rows: number): number | undefined {
  const side = (Math.sqrt(rows - 3) + 1) / 2;
  return rows > 3 && Number.isInteger(side) ? side : undefined;
}

/**
 * BEiT's index, `[N + 1, N + 1]` for N = side² patches with the cls token first, row-major (SPEC
 * b.3). The last three rows of the table are cls to token, token to cls and cls to cls.
 *
 * @example
 * ```ts
 * import { relativePositionIndex } from "./relative_position_index.ts";
 * const index = relativePositionIndex(1);
 * if (index.join() !== "3,1,2,0") throw new Error(index.join());
 * ```
 */
export function relativePositionIndex(side: number): Int32Array {
  const tokens = side * side + 1;
  const width = 2 * side - 1;
  const rows = tableRows(side);
  const index = new Int32Array(tokens * tokens);
  for (let a = 1; a < tokens; a++) {
    for (let b = 1; b < tokens; b++) {
      const down = Math.floor((a - 1) / side) - Math.floor((b - 1) / side) + side - 1;
      const right = (a - 1) % side - (b - 1) % side + side - 1;
      index[a * tokens + b] = down * width + right;
    }
  }
  for (let b = 0; b < tokens; b++) index[b] = rows - 3;
  for (let a = 0; a < tokens; a++) index[a * tokens] = rows - 2;
  index[0] = rows - 1;
  return index;
}

/** The index as PyTorch models store it: an int64 buffer. */
export function relativePositionBuffer(side: number): LazyTensor {
  const tokens = side * side + 1;
  const shape = [tokens, tokens];
  return {
    dtype: "I64",
    shape,
    read: () => ({
      dtype: "I64",
      shape,
      data: BigInt64Array.from(relativePositionIndex(side), BigInt),
    }),
  };
}
