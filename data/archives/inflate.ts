/**
 * Decompression with a limit: output is counted as it is produced, so that a small file cannot fill the memory.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";

/** Deflate expands a byte to at most a thousand: a chunk gives at most 16 MiB. */
const pieceBytes = 1 << 14;

/** Bytes in chunks, each taken on demand. */
export function inPieces(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      // A copy, since the platform's streams do not accept shared memory.
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at += pieceBytes));
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

/** The chunks of a stream, cut smaller. */
function cutSmaller(): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    async transform(chunk, controller) {
      const reader = inPieces(chunk).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        controller.enqueue(next.value);
      }
    },
  });
}

/** Memory that grows as bytes arrive, up to a limit, in place of a list of chunks and their concatenation. */
export class GrowingBytes {
  #bytes: Uint8Array;
  #used = 0;
  readonly #most: number;
  readonly #allocate: (length: number) => Uint8Array;

  constructor(most: number, allocate = (length: number): Uint8Array => new Uint8Array(length)) {
    this.#most = most;
    this.#allocate = allocate;
    this.#bytes = allocate(0);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#used;
  }

  /** Makes room for that many more bytes, as far as the limit allows. */
  reserve(bytes: number): void {
    const wanted = Math.min(this.#most, this.#used + bytes);
    const { length } = this.#bytes;
    if (wanted <= length) return;
    const larger = this.#allocate(Math.min(this.#most, Math.max(wanted, 2 * length)));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  /** Adds a chunk; false if it would exceed the limit. */
  add(piece: Uint8Array): boolean {
    if (this.#used + piece.length > this.#most) return false;
    this.reserve(piece.length);
    this.#bytes.set(piece, this.#used);
    this.#used += piece.length;
    return true;
  }

  /** A view of what has arrived. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }
}

/** Compressed bytes, or a stream of them, as a decompressed stream. */
export function inflated(
  packed: Uint8Array | ReadableStream<Uint8Array<ArrayBuffer>>,
  format: CompressionFormat,
): ReadableStream<Uint8Array> {
  const pieces = packed instanceof Uint8Array ? inPieces(packed) : packed.pipeThrough(cutSmaller());
  return pieces.pipeThrough(new DecompressionStream(format));
}

/**
 * Decompresses into memory; no more than `most` bytes.
 *
 * @returns null if there are more
 * @throws UserError if the data is corrupt
 */
export async function inflate(
  packed: Uint8Array,
  format: CompressionFormat,
  most: number,
): Promise<Uint8Array | null> {
  const bytes = new GrowingBytes(most);
  bytes.reserve(4 * packed.length);
  const reader = inflated(packed, format).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (bytes.add(next.value)) continue;
      await reader.cancel();
      return null;
    }
  } catch (cause) {
    throw new UserError(`the compressed data is corrupt (${messageOf(cause)})`, { cause });
  }
  return bytes.take();
}
