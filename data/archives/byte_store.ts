/**
 * Random access to bytes on disk or in memory, and reading of {@link SampleLocation}s.
 *
 * Reads are synchronous: `seek` and `read` on one open file must not interleave, and a worker has
 * nothing else to do meanwhile.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { readLocalHeader, ZipError } from "../../core/zip_directory.ts";
import { inflate } from "./inflate.ts";
import type { SampleLocation } from "../sources/source.ts";

/** Bytes that can be read at any position. */
export interface ByteStore {
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer at the end. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** Bytes in memory; reads are copies, because browsers cannot decode text from shared memory. */
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
  const { size } = file.statSync();
  return {
    size,
    read(offset, wanted) {
      const length = Math.max(0, Math.min(wanted, size - offset));
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

/** Maximum size of an image file in bytes. */
export const mostFileBytes = 2 ** 28;

function requireSize(bytes: number, most = mostFileBytes): void {
  if (bytes > most) throw new UserError(`it has ${bytes} bytes, expected at most ${most}`);
}

/** Where a zip member is, its size in the archive and its uncompressed size. */
export interface ZipPlace {
  /** Of its local header. */
  readonly offset: number;
  /** Packed. */
  readonly size: number;
  readonly unpacked: number;
}

/** Reads a zip member of at most `most` bytes; its size must match the directory. */
export async function readZipMember(
  store: ByteStore,
  { offset, size, unpacked }: ZipPlace,
  most = mostFileBytes,
): Promise<Uint8Array> {
  requireSize(Math.max(size, unpacked), most);
  const { start, method, isEncrypted } = await localHeader(store, offset, size);
  if (isEncrypted) throw new UserError("the zip member is encrypted");
  if (method !== 0 && method !== 8) {
    throw new UserError(`zip method ${method} is unknown; store or deflate the members`);
  }
  const packed = store.read(start, size);
  const bytes = method === 0 ? packed : await inflate(packed, "deflate-raw", unpacked);
  if (bytes === null || bytes.length !== unpacked) {
    throw new UserError(
      `the zip member holds ${bytes === null ? "more" : "less"} than it declares`,
    );
  }
  return bytes;
}

async function localHeader(store: ByteStore, headerOffset: number, packed: number) {
  try {
    return await readLocalHeader(store, { headerOffset, packed });
  } catch (cause) {
    if (!(cause instanceof ZipError)) throw cause;
    throw new UserError(`the zip archive is corrupt: ${cause.message}`, { cause });
  }
}

/** A whole file; folders, devices and pipes are not files. */
async function readFile(path: string): Promise<Uint8Array> {
  const { isFile, size } = await Deno.stat(path);
  if (!isFile) throw new UserError("it is not a file");
  requireSize(size);
  return await Deno.readFile(path);
}

/** How many archives stay open at a time. */
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
    if (location.kind === "file") return await readFile(location.path);
    if (location.kind === "missing") throw new UserError(location.reason);
    const store = this.#store(location.path);
    if (location.kind === "zip") return await readZipMember(store, location);
    requireSize(location.size);
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
