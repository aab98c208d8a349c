/**
 * Random access to bytes on disk or in memory, and the reading of {@link SampleLocation}s.
 *
 * Reads are synchronous: `seek` and `read` of one open file may not interleave, and a worker has
 * nothing else to do meanwhile.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import type { SampleLocation } from "./source.ts";

/** Bytes that can be read at any place. */
export interface ByteStore {
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer at the end. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** Bytes in memory; reads are copies, because browsers decode no text from shared memory. */
export function memoryStore(bytes: Uint8Array): ByteStore {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    close: () => {},
  };
}

/** A file, kept open. */
export function fileStore(path: string): ByteStore {
  const file = Deno.openSync(path);
  return {
    size: file.statSync().size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      file.seekSync(offset, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < length) {
        const count = file.readSync(bytes.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return filled === length ? bytes : bytes.subarray(0, filled);
    },
    close: () => file.close(),
  };
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new UserError("the compressed data of the zip member is broken", { cause });
  }
}

/** Reads the member whose local header lies at `offset`; `size` is its packed size. */
export async function readZipMember(
  store: ByteStore,
  offset: number,
  size: number,
): Promise<Uint8Array> {
  const header = store.read(offset, 30);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header.length < 30 || view.getUint32(0, true) !== 0x04034b50) {
    throw new UserError("the zip archive is broken: no member where its directory says");
  }
  if ((view.getUint16(6, true) & 1) === 1) throw new UserError("the zip member is encrypted");
  const method = view.getUint16(8, true);
  const start = offset + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const packed = store.read(start, size);
  if (packed.length < size) throw new UserError("the zip archive is truncated");
  if (method === 0) return packed;
  if (method === 8) return await inflate(new Uint8Array(packed));
  throw new UserError(`zip method ${method} is unknown; store or deflate the members`);
}

/** How many archives stay open at once. */
const openLimit = 64;

/** Reads samples by location; archives stay open between reads. */
export class LocationReader {
  readonly #memory: ByteStore | undefined;
  readonly #open = new Map<string, ByteStore>();

  /** `memory` is what locations without a path point into. */
  constructor(memory?: Uint8Array) {
    this.#memory = memory === undefined ? undefined : memoryStore(memory);
  }

  #store(path: string | null): ByteStore {
    if (path === null) {
      if (this.#memory === undefined) throw new Error("a location in memory, but no memory");
      return this.#memory;
    }
    let store = this.#open.get(path);
    if (store === undefined) {
      if (this.#open.size >= openLimit) {
        const [oldest, its] = this.#open.entries().next().value!;
        its.close();
        this.#open.delete(oldest);
      }
      store = fileStore(path);
      this.#open.set(path, store);
    }
    return store;
  }

  /** The bytes at a location. */
  async read(location: SampleLocation): Promise<Uint8Array> {
    if (location.kind === "file") return await Deno.readFile(location.path);
    const store = this.#store(location.path);
    if (location.kind === "zip") return await readZipMember(store, location.offset, location.size);
    const bytes = store.read(location.offset, location.size);
    if (bytes.length < location.size) throw new UserError("the archive is truncated");
    return bytes;
  }

  /** Closes the archives. */
  close(): void {
    for (const store of this.#open.values()) store.close();
    this.#open.clear();
  }
}
