/**
 * The only source of randomness: a seeded, splittable generator.
 *
 * A draw depends only on the seed and the path of `split` calls, so the crop of sample 1234 in epoch 5 is the
 * same whoever computes it, in whatever order and in whichever process.
 *
 * @module
 */

/** The draws that code may request; tests replay recorded sequences through it. */
export interface Draws {
  /** A number in [low, high), or in (high, low] if `high < low`, like Python's `random.uniform`. */
  uniform(low: number, high: number): number;
  /** An integer in [low, high], both ends included, like Python's `random.randint`. */
  integer(low: number, high: number): number;
}

/** The serialisable state of a {@link Generator}: four unsigned 32-bit words. */
export type GeneratorState = [number, number, number, number];

/** Mixes one 32-bit word into the four-word state (MurmurHash3's finaliser, by A. Appleby). */
function absorb(state: GeneratorState, word: number): void {
  for (let i = 0; i < 4; i++) {
    let h = (state[i] ^ Math.imul(word + 0x9e3779b9 * (i + 1), 0x85ebca6b)) >>> 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
    state[i] = (h + state[(i + 3) & 3]) >>> 0;
  }
}

/**
 * A seeded generator (xoshiro128**, Blackman and Vigna 2018) that can be split by labels.
 *
 * @example The same path gives the same draws
 * ```ts
 * import { Generator } from "./generator.ts";
 * const a = Generator.from(7).split("crop", 3, 41);
 * const b = Generator.from(7).split("crop", 3, 41);
 * if (a.uniform(0, 1) !== b.uniform(0, 1)) throw new Error("draws differ");
 * ```
 */
export class Generator implements Draws {
  #state: GeneratorState;
  #spareNormal: number | undefined;

  private constructor(state: GeneratorState) {
    this.#state = state;
  }

  /** A generator from a seed: any finite number, by its 64-bit pattern. */
  static from(seed: number): Generator {
    const words = new Uint32Array(new Float64Array([seed]).buffer);
    const state: GeneratorState = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
    absorb(state, words[0]);
    absorb(state, words[1]);
    absorb(state, 0);
    return new Generator(state);
  }

  /** Continues from a state that {@link Generator.state} returned. */
  static fromState(state: GeneratorState): Generator {
    return new Generator([...state]);
  }

  /** The current state. It excludes a spare normal draw, so take it between whole operations. */
  get state(): GeneratorState {
    return [...this.#state];
  }

  /** An independent generator for a labelled purpose; this one does not change. */
  split(...labels: (string | number)[]): Generator {
    const state: GeneratorState = [...this.#state];
    for (const label of labels) {
      if (typeof label === "number") {
        const words = new Uint32Array(new Float64Array([label]).buffer);
        absorb(state, words[0]);
        absorb(state, words[1]);
      } else {
        for (let i = 0; i < label.length; i++) absorb(state, label.charCodeAt(i));
        absorb(state, 0x10000 + label.length);
      }
    }
    absorb(state, 0xffffffff);
    return new Generator(state);
  }

  /** 32 random bits as an integer in [0, 2^32). */
  bits(): number {
    const s = this.#state;
    const x = Math.imul(s[1], 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] = (s[1] ^ s[2]) >>> 0;
    s[0] = (s[0] ^ s[3]) >>> 0;
    s[2] = (s[2] ^ t) >>> 0;
    s[3] = ((s[3] << 11) | (s[3] >>> 21)) >>> 0;
    return result;
  }

  /** A number in [0, 1) with 53 random bits. */
  next(): number {
    return ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** A draw from N(mean, deviation²) (Box-Muller). */
  normal(mean = 0, deviation = 1): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return mean + deviation * spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.#spareNormal = radius * Math.sin(angle);
    return mean + deviation * radius * Math.cos(angle);
  }

  /** A random permutation of 0 … length − 1 (Fisher-Yates). */
  permutation(length: number): Uint32Array {
    const order = new Uint32Array(length);
    for (let i = 0; i < length; i++) {
      const j = this.integer(0, i);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
