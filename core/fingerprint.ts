/**
 * A quick fingerprint of many numbers.
 *
 * @module
 */

/**
 * 64 bits, in hexadecimal, that change when any bit of the values does: for telling whether two
 * copies are the same, not for cryptography. Two FNV-1a hashes over 32-bit words.
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
  return hexadecimal(first, second);
}

/**
 * The same as {@link fingerprint} for a list of texts with numbers.
 *
 * @example
 * ```ts
 * import { TextFingerprint } from "./fingerprint.ts";
 * const [a, b] = [new TextFingerprint(), new TextFingerprint()];
 * a.add("cat.png", 0);
 * b.add("cat.png", 1);
 * if (a.value === b.value) throw new Error(a.value);
 * ```
 */
export class TextFingerprint {
  #first = 0x811c9dc5;
  #second = 0x01000193;

  /** Adds one text and the number that belongs to it. */
  add(text: string, number: number): void {
    for (let index = 0; index < text.length; index++) this.#word(text.charCodeAt(index));
    this.#word(0x10000 + number);
  }

  #word(word: number): void {
    this.#first = Math.imul(this.#first ^ word, 0x01000193);
    this.#second = Math.imul(this.#second ^ (word >>> 15) ^ (word << 17), 0x85ebca6b);
  }

  get value(): string {
    return hexadecimal(this.#first, this.#second);
  }
}

function hexadecimal(...halves: number[]): string {
  return halves.map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
