/**
 * Damage to files: what disks, networks and malicious people do to bytes.
 *
 * @module
 */

import type { Generator } from "../../core/generator.ts";

/** Numbers at which parsers of sizes, counts and offsets tend to fail. */
const edges = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Damage = (bytes: Uint8Array, at: number, generator: Generator) => Uint8Array;

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function withNumber(isLittle: boolean): Damage {
  return (bytes, at, generator) => {
    const copy = bytes.slice();
    const width = [1, 2, 4][generator.integer(0, 2)];
    const value = edges[generator.integer(0, edges.length - 1)];
    for (let i = 0; i < width && at + i < copy.length; i++) {
      copy[at + i] = value >>> (8 * (isLittle ? i : width - 1 - i));
    }
    return copy;
  };
}

const damages: readonly Damage[] = [
  function flipBit(bytes, at, generator) {
    const copy = bytes.slice();
    copy[at] ^= 1 << generator.integer(0, 7);
    return copy;
  },
  withNumber(true),
  withNumber(false),
  function cutEnd(bytes, at) {
    return bytes.slice(0, at);
  },
  function removeSome(bytes, at, generator) {
    return joined(bytes.subarray(0, at), bytes.subarray(at + generator.integer(1, 64)));
  },
  function repeatSome(bytes, at, generator) {
    const some = bytes.subarray(at, at + generator.integer(1, 600));
    return joined(bytes.subarray(0, at), some, some, bytes.subarray(at + some.length));
  },
  function insertNoise(bytes, at, generator) {
    const noise = Uint8Array.from(
      { length: generator.integer(1, 64) },
      () => generator.integer(0, 255),
    );
    return joined(bytes.subarray(0, at), noise, bytes.subarray(at));
  },
  function blank(bytes, at, generator) {
    return bytes.slice().fill(0, at, at + generator.integer(1, 4096));
  },
  function longerNumber(bytes, at) {
    // The next decimal digit, as in JSON and in tar's headers, becomes a run of nines.
    const copy = bytes.slice();
    let digit = at;
    while (digit < copy.length && !(copy[digit] >= 0x30 && copy[digit] <= 0x39)) digit++;
    copy.fill(0x39, digit, digit + 8);
    return copy;
  },
];

/**
 * Damages a file in one place, or in up to four; many of them in its first kilobyte, where headers
 * are.
 *
 * @returns a copy
 */
export function mutate(bytes: Uint8Array, generator: Generator): Uint8Array<ArrayBuffer> {
  let damaged = bytes;
  const places = generator.next() < 0.6 ? 1 : generator.integer(2, 4);
  for (let count = places; count > 0 && damaged.length > 0; count--) {
    const end = generator.next() < 0.3 ? Math.min(1024, damaged.length) : damaged.length;
    const at = generator.integer(0, end - 1);
    damaged = damages[generator.integer(0, damages.length - 1)](damaged, at, generator);
  }
  return damaged.slice();
}

/** One of a list. */
export function oneOf<T>(list: readonly T[], generator: Generator): T {
  return list[generator.integer(0, list.length - 1)];
}
