/**
 * Decoded images of a small data set, kept in memory shared by all workers, so that each file is
 * decoded once per run instead of once per epoch.
 *
 * @module
 */
import type { RgbImage } from "../images/image.ts";

/** The memory of a cache; it can be sent to workers. */
export interface DecodeCacheMemory {
  /** For each sample: state, offset, width, height; one more number counts the bytes in use. */
  readonly index: Int32Array;
  /** The pixels. */
  readonly pixels: Uint8Array;
}

const empty = 0, claimed = 1, ready = 2;
const fields = 4;
/** Bytes that a sample is assumed to need: data sets that only partly fit are not worth caching. */
const expectedBytes = 32 * 32 * 3;

function allocate(bytes: number): ArrayBufferLike {
  return typeof SharedArrayBuffer === "undefined"
    ? new ArrayBuffer(bytes)
    : new SharedArrayBuffer(bytes);
}

/**
 * A cache of decoded images by sample index. Any number of workers may read and write.
 *
 * @example
 * ```ts
 * import { DecodeCache } from "./decode_cache.ts";
 * const cache = DecodeCache.create(10, 100_000)!;
 * cache.put(3, { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });
 * if (cache.get(3)?.data.join() !== "1,2,3" || cache.get(4) !== undefined) throw new Error();
 * ```
 */
export class DecodeCache {
  /** What other workers need in order to share the cache. */
  readonly memory: DecodeCacheMemory;
  readonly #length: number;

  /** A view of an existing cache; to create one, see {@link DecodeCache.create}. */
  constructor(memory: DecodeCacheMemory) {
    this.memory = memory;
    this.#length = (memory.index.length - 1) / fields;
  }

  /** A cache for `length` samples, `undefined` if `bytes` cannot hold the whole data set. */
  static create(length: number, bytes: number): DecodeCache | undefined {
    const capacity = Math.min(bytes, 2 ** 31 - 1);
    if (length * expectedBytes > capacity) return undefined;
    return new DecodeCache({
      index: new Int32Array(allocate((length * fields + 1) * 4)),
      pixels: new Uint8Array(allocate(capacity)),
    });
  }

  /** Whether other threads see what is stored. */
  get isShared(): boolean {
    return !(this.memory.pixels.buffer instanceof ArrayBuffer);
  }

  /** The image of sample `index`, a view that must not be written to. */
  get(index: number): RgbImage | undefined {
    const { index: table, pixels } = this.memory;
    const at = index * fields;
    if (Atomics.load(table, at) !== ready) return undefined;
    const [offset, width, height] = [table[at + 1], table[at + 2], table[at + 3]];
    return { width, height, data: pixels.subarray(offset, offset + width * height * 3) };
  }

  /** Stores an image while there is room. */
  put(index: number, image: RgbImage): void {
    const { index: table, pixels } = this.memory;
    const at = index * fields;
    const used = this.#length * fields;
    const size = image.data.length;
    if (Atomics.load(table, used) + size > pixels.length) return;
    if (Atomics.compareExchange(table, at, empty, claimed) !== empty) return;
    const offset = Atomics.add(table, used, size);
    if (offset + size > pixels.length) {
      Atomics.sub(table, used, size);
      Atomics.store(table, at, empty);
      return;
    }
    pixels.set(image.data, offset);
    table[at + 1] = offset;
    table[at + 2] = image.width;
    table[at + 3] = image.height;
    Atomics.store(table, at, ready);
  }
}
