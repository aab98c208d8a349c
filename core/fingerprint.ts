/**
 * A quick fingerprint of many numbers.
 *
 * @module
 */

/**
 * 64 bits, in hexadecimal, that change when any bit of the values does: for finding out whether two
 * copies are the same, not for keeping secrets. Two FNV-1a hashes over 32-bit words.
 *
 * @example
 * ```ts
 * import { fingerprint } from "./fingerprint.ts";
 * const [a, b] = [fingerprint([Float32Array.of(0)]), fingerprint([Float32Array.of(-0)])];
 * if (a === b || a.length !== 16) throw new Error(a);
 * ```
 */
export function fingerprint(arrays: Iterable<Float32Array>): string {
  let [first, second] = [0x811c9dc5, 0x01000193];
  for (const array of arrays) {
    const aligned = array.byteOffset % 4 === 0 ? array : array.slice();
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length);
    for (let i = 0; i < words.length; i++) {
      first = Math.imul(first ^ words[i], 0x01000193);
      second = Math.imul(second ^ (words[i] >>> 15) ^ (words[i] << 17), 0x85ebca6b);
    }
  }
  return [first, second].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
