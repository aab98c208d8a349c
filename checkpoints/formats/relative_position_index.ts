/**
 * The relative-position tables and index buffers of published files.
 *
 * @module
 */

import { relativePositionIndex } from "../../core/relative_position.ts";
import type { LazyTensor } from "../tensors/tensor_data.ts";

/** The side of the window whose table has that many rows; `undefined` if there is none. */
export function sideOfTable(rows: number): number | undefined {
  const side = (Math.sqrt(rows - 3) + 1) / 2;
  return rows > 3 && Number.isInteger(side) ? side : undefined;
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
