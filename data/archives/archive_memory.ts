/**
 * Archives that are unpacked, or fetched, into memory.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { GrowingBytes, inflated } from "./inflate.ts";

/** Bytes that the archives of a data set may take in memory together. */
const mostBytes = 2 ** 31;

/** Memory that workers can see without a copy, where the platform has it. */
function allocateShared(length: number): Uint8Array {
  if (typeof SharedArrayBuffer === "undefined") return new Uint8Array(length);
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** Whether a file begins as gzip's do. */
export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** What a gzip file says at its end of the bytes that it holds, modulo 4 GiB. */
export function gzipSize(lastFour: Uint8Array): number {
  return new DataView(lastFour.buffer, lastFour.byteOffset).getUint32(0, true);
}

/** The memory of a data set's archives, one after the other. */
export class ArchiveMemory {
  readonly #bytes = new GrowingBytes(mostBytes, allocateShared);

  /** All of it, for locations without a path. */
  get bytes(): Uint8Array {
    return this.#bytes.take();
  }

  /**
   * Adds a stream, and gives where it lies.
   *
   * @param most bytes that it says it has
   * @throws UserError where it has more, or there is no room
   */
  async add(
    stream: ReadableStream<Uint8Array>,
    name: string,
    most: number,
  ): Promise<{ base: number; length: number }> {
    const base = this.#bytes.length;
    this.#bytes.reserve(most);
    const reader = stream.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        if (this.#bytes.length - base + next.value.length > most) {
          throw new UserError(
            `Cannot read "${name}": it holds more than the ${most} bytes it says`,
          );
        }
        if (!this.#bytes.add(next.value)) throw tooLarge(name);
      }
      return { base, length: this.#bytes.length - base };
    } catch (cause) {
      await reader.cancel().catch(() => {});
      if (cause instanceof UserError) throw cause;
      throw new UserError(`Cannot read "${name}": ${messageOf(cause)}`, { cause });
    }
  }

  /** Adds what a gzip stream or file holds: `size` bytes, as it says at its end. */
  async addGzip(
    packed: Uint8Array | ReadableStream<Uint8Array<ArrayBuffer>>,
    name: string,
    size: number,
  ): Promise<{ base: number; length: number }> {
    if (this.#bytes.length + size > mostBytes) throw tooLarge(name);
    return await this.add(inflated(packed, "gzip"), name, size);
  }
}

function tooLarge(name: string): UserError {
  return new UserError(
    `Cannot hold "${name}" in memory: compressed and fetched archives may have ${mostBytes} bytes`,
    { hint: "unpack it with gunzip, or download it, and give the path" },
  );
}
