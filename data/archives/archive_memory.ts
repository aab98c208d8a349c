/**
 * Archives that are decompressed, or downloaded, into memory.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { GrowingBytes, inflated } from "./inflate.ts";

/** Total bytes that a data set's archives may take in memory. */
const mostBytes = 2 ** 31;

/** Memory that workers can access without a copy, if the platform has it. */
function allocateShared(length: number): Uint8Array {
  if (typeof SharedArrayBuffer === "undefined") return new Uint8Array(length);
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** Whether a file starts like a gzip file. */
export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** The uncompressed size recorded at the end of a gzip file, modulo 4 GiB. */
export function gzipSize(lastFour: Uint8Array): number {
  return new DataView(lastFour.buffer, lastFour.byteOffset).getUint32(0, true);
}

/** The memory for a data set's archives, one after another. */
export class ArchiveMemory {
  readonly #bytes = new GrowingBytes(mostBytes, allocateShared);

  /** All of it, for locations without a path. */
  get bytes(): Uint8Array {
    return this.#bytes.take();
  }

  /**
   * Adds a stream, and returns where it is stored.
   *
   * @param most its declared size in bytes
   * @throws UserError if it is larger, or there is no room
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
            `Cannot read "${name}": it holds more than the ${most} bytes it declares`,
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

  /** Adds the contents of a gzip stream or file: `size` bytes, according to its end. */
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
    `Cannot hold "${name}" in memory: compressed and downloaded archives may take ${mostBytes} bytes`,
    { hint: "unpack it with gunzip, or download it, and give the path" },
  );
}
