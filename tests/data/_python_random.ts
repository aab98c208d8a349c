/**
 * Python's `random` and NumPy's legacy generator, as far as the reference code uses them, so that
 * masks and crops recorded with a Python seed can be compared exactly.
 */
import type { Draws } from "../../core/generator.ts";

class MersenneTwister {
  readonly #state = new Uint32Array(624);
  #index = 624;

  seed(value: number): void {
    const s = this.#state;
    s[0] = value;
    for (let i = 1; i < 624; i++) {
      s[i] = Math.imul(1812433253, s[i - 1] ^ (s[i - 1] >>> 30)) + i;
    }
    this.#index = 624;
  }

  seedByArray(key: number[]): void {
    this.seed(19650218);
    const s = this.#state;
    let i = 1, j = 0;
    for (let k = 0; k < 624; k++) {
      s[i] = (s[i] ^ Math.imul(s[i - 1] ^ (s[i - 1] >>> 30), 1664525)) + key[j] + j;
      if (++i >= 624) [s[0], i] = [s[623], 1];
      j = (j + 1) % key.length;
    }
    for (let k = 0; k < 623; k++) {
      s[i] = (s[i] ^ Math.imul(s[i - 1] ^ (s[i - 1] >>> 30), 1566083941)) - i;
      if (++i >= 624) [s[0], i] = [s[623], 1];
    }
    s[0] = 0x80000000;
    this.#index = 624;
  }

  bits(): number {
    const s = this.#state;
    if (this.#index === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
        s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.#index = 0;
    }
    let y = s[this.#index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }
}

/** Python's `random.seed(n)` for a whole number below 2³², with `uniform` and `randint`. */
export class PythonRandom implements Draws {
  readonly #twister = new MersenneTwister();

  constructor(seed: number) {
    this.#twister.seedByArray([seed]);
  }

  #random(): number {
    const high = this.#twister.bits() >>> 5;
    return (high * 67108864 + (this.#twister.bits() >>> 6)) / 9007199254740992;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.#random();
  }

  integer(low: number, high: number): number {
    const size = high - low + 1;
    const bits = 32 - Math.clz32(size);
    let value: number;
    do value = this.#twister.bits() >>> (32 - bits); while (value >= size);
    return low + value;
  }
}

/** `numpy.random.seed(n)` with `choice(candidates, count, replace=False)`. */
export class NumpyRandom {
  readonly #twister = new MersenneTwister();

  constructor(seed: number) {
    this.#twister.seed(seed);
  }

  #below(limit: number): number {
    if (limit === 0) return 0;
    const mask = 2 ** (32 - Math.clz32(limit)) - 1;
    let value: number;
    do value = (this.#twister.bits() & mask) >>> 0; while (value > limit);
    return value;
  }

  choice(candidates: number, count: number): number[] {
    const order = Array.from({ length: candidates }, (_, i) => i);
    for (let i = candidates - 1; i > 0; i--) {
      const j = this.#below(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order.slice(0, count);
  }
}
