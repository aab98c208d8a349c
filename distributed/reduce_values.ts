/**
 * Sums several arrays over all ranks in one message.
 *
 * @module
 */

import { concatFloats } from "../core/concatenate.ts";
import type { Communicator } from "./communicator.ts";

/**
 * The sums over all ranks of this rank's arrays, which stay unchanged.
 *
 * @example With a single process
 * ```ts
 * import { sumOverRanks } from "./reduce_values.ts";
 * import { single } from "./single.ts";
 * const [counts] = await sumOverRanks(single, [Float32Array.of(1, 2)]);
 * if (counts[1] !== 2) throw new Error();
 * ```
 */
export async function sumOverRanks(
  communicator: Communicator,
  arrays: readonly Float32Array[],
): Promise<Float32Array<ArrayBuffer>[]> {
  const all = concatFloats(arrays);
  await communicator.allReduce(all);
  let offset = 0;
  return arrays.map(({ length }) => all.slice(offset, offset += length));
}

/** The sums over all ranks of non-negative integers, exact for up to 256 ranks and sums below 2^31. */
export async function countOverRanks(
  communicator: Communicator,
  arrays: readonly Int32Array[],
): Promise<Int32Array[]> {
  if (communicator.size === 1) return [...arrays];
  // Two 16-bit halves: float32 has 24 exact bits.
  const parts = [0, 16].map((shift) =>
    arrays.map((array) => Float32Array.from(array, (value) => (value >>> shift) & 0xffff))
  );
  const [low, high] = [
    await sumOverRanks(communicator, parts[0]),
    await sumOverRanks(communicator, parts[1]),
  ];
  return low.map((array, index) =>
    Int32Array.from(array, (value, i) => value + high[index][i] * 2 ** 16)
  );
}
