/**
 * Relative positions of the tokens in a patch grid (BEiT's scheme: one table row per offset between
 * two patches, and three more for the pairs that involve the cls token).
 *
 * @module
 */

/** Rows in a grid's bias table: (2h − 1)(2w − 1) offsets and three for the cls token. */
export function relativePositionRows(height: number, width = height): number {
  return (2 * height - 1) * (2 * width - 1) + 3;
}

/**
 * The table row of each (query, key) pair of tokens, row-major [N + 1, N + 1] with N = height·width;
 * token 0 is the cls token. After `gen_relative_position_index` of microsoft/unilm.
 *
 * @example A grid of one patch has four pairs
 * ```ts
 * import { relativePositionIndex } from "./relative_position.ts";
 * const index = relativePositionIndex(1, 1);
 * if (index.join() !== "3,1,2,0") throw new Error(index.join());
 * ```
 */
export function relativePositionIndex(height: number, width = height): Int32Array {
  const tokens = height * width + 1;
  const rows = relativePositionRows(height, width);
  const index = new Int32Array(tokens * tokens);
  for (let query = 1; query < tokens; query++) {
    const queryY = Math.floor((query - 1) / width);
    const queryX = (query - 1) % width;
    for (let key = 1; key < tokens; key++) {
      const offsetY = queryY - Math.floor((key - 1) / width) + height - 1;
      const offsetX = queryX - (key - 1) % width + width - 1;
      index[query * tokens + key] = offsetY * (2 * width - 1) + offsetX;
    }
  }
  for (let key = 0; key < tokens; key++) index[key] = rows - 3;
  for (let query = 0; query < tokens; query++) index[query * tokens] = rows - 2;
  index[0] = rows - 1;
  return index;
}
