/**
 * Groups of images that look alike, found without comparing every pair.
 *
 * Multi-index hashing (Norouzi et al., arXiv 1307.2982): if two 64-bit hashes differ in at most 7 bits, one of
 * their four 16-bit quarters differs in at most one. So each hash is looked up by its quarters, and by its
 * quarters with one bit flipped, in tables of 65 536 entries.
 *
 * @module
 */
import { thumbprintBytes } from "../../data/images/perceptual_hash.ts";

/** The most bits in which the hashes of two images that look alike may differ. */
const mostBits = 6;
/** The most levels by which their 4 × 4 means may differ, on average. */
const mostLevels = 10;
const quarters = 4;
const places = 1 << 16;

/** Hashes and thumbprints of images; images without them are not compared. */
export interface Prints {
  readonly count: number;
  /** 64 bits each, as two words. */
  readonly hashes: Uint32Array;
  readonly thumbprints: Uint8Array;
  readonly isKnown: Uint8Array;
}

/** A union-find structure. */
export class Groups {
  readonly #parents: Uint32Array;

  constructor(count: number) {
    this.#parents = Uint32Array.from({ length: count }, (_, index) => index);
  }

  /** The representative of an item's group. */
  find(of: number): number {
    let at = of;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]];
      at = this.#parents[at];
    }
    return at;
  }

  join(one: number, other: number): void {
    const [a, b] = [this.find(one), this.find(other)];
    if (a !== b) this.#parents[Math.max(a, b)] = Math.min(a, b);
  }

  /** The groups of two or more, each in ascending order. */
  list(): number[][] {
    const groups = new Map<number, number[]>();
    this.#parents.forEach((_, index) => {
      const first = this.find(index);
      if (first === index) return;
      const group = groups.get(first);
      if (group === undefined) groups.set(first, [first, index]);
      else group.push(index);
    });
    return [...groups.values()];
  }
}

function bitCount(word: number): number {
  let bits = word - (word >>> 1 & 0x55555555);
  bits = (bits & 0x33333333) + (bits >>> 2 & 0x33333333);
  return ((bits + (bits >>> 4) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

function quarterOf(hashes: Uint32Array, index: number, quarter: number): number {
  const word = hashes[index * 2 + (quarter >> 1)];
  return quarter % 2 === 0 ? word >>> 16 : word & 0xffff;
}

function lookAlike({ hashes, thumbprints }: Prints, a: number, b: number): boolean {
  const bits = bitCount(hashes[a * 2] ^ hashes[b * 2]) +
    bitCount(hashes[a * 2 + 1] ^ hashes[b * 2 + 1]);
  if (bits > mostBits) return false;
  let difference = 0;
  for (let at = 0; at < thumbprintBytes; at++) {
    difference += Math.abs(
      thumbprints[a * thumbprintBytes + at] - thumbprints[b * thumbprintBytes + at],
    );
  }
  return difference <= mostLevels * thumbprintBytes;
}

/** The hashed images sorted by a quarter's value, and where each value starts. */
function tableOf(hashes: Uint32Array, members: readonly number[], quarter: number) {
  const starts = new Uint32Array(places + 1);
  for (const index of members) starts[quarterOf(hashes, index, quarter) + 1]++;
  for (let place = 0; place < places; place++) starts[place + 1] += starts[place];
  const next = starts.slice();
  const sorted = new Uint32Array(members.length);
  for (const index of members) sorted[next[quarterOf(hashes, index, quarter)]++] = index;
  return { starts, sorted };
}

/**
 * Joins images that look alike.
 *
 * @param onProgress called with how much of the four passes over the images is done, in images
 */
export function joinNearDuplicates(
  prints: Prints,
  groups: Groups,
  onProgress: (done: number, total: number) => void = () => {},
): void {
  const { count, hashes, isKnown } = prints;
  // The first image with a given hash stands for all of them: otherwise blank images would form a crowd.
  const byHash = new Map<bigint, number[]>();
  const members: number[] = [];
  for (let index = 0; index < count; index++) {
    if (isKnown[index] === 0) continue;
    const hash = BigInt(hashes[index * 2]) << 32n | BigInt(hashes[index * 2 + 1]);
    const firsts = byHash.get(hash);
    const alike = firsts?.find((first) => lookAlike(prints, first, index));
    if (alike !== undefined) {
      groups.join(alike, index);
      continue;
    }
    if (firsts === undefined) byHash.set(hash, [index]);
    else firsts.push(index);
    members.push(index);
  }
  const total = quarters * members.length;
  for (let quarter = 0; quarter < quarters; quarter++) {
    const { starts, sorted } = tableOf(hashes, members, quarter);
    members.forEach((index, turn) => {
      const value = quarterOf(hashes, index, quarter);
      for (let bit = -1; bit < 16; bit++) {
        const place = bit < 0 ? value : value ^ 1 << bit;
        for (let at = starts[place]; at < starts[place + 1]; at++) {
          const other = sorted[at];
          if (other > index && lookAlike(prints, index, other)) groups.join(index, other);
        }
      }
      if (turn % 4096 === 0) onProgress(quarter * members.length + turn, total);
    });
  }
  onProgress(total, total);
}
