/**
 * Where bytes come from: a file, memory or a web server, read in ranges.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { messageOf, UserError } from "../../core/errors.ts";

/** Random access to a known number of bytes. */
export interface ByteSource {
  /** What messages call it: a path or a URL. */
  readonly name: string;
  /** Total bytes. */
  readonly size: number;
  /** Bytes `offset … offset + length`, in a separate buffer; a `UserError` beyond the end. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}

function checkRange(source: ByteSource, offset: number, length: number): void {
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (!isWhole || offset < 0 || length < 0 || offset + length > source.size) {
    throw new UserError(
      `Cannot read "${source.name}": wanted ${length} bytes at ${offset}, it has ${source.size}`,
    );
  }
}

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array, name = "bytes"): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.length,
    read(offset, length) {
      try {
        checkRange(source, offset, length);
      } catch (error) {
        return Promise.reject(error);
      }
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
    close() {},
  };
  return source;
}

/** A source over a blob, such as a file chosen in a browser; it is read as needed. */
export function blobSource(blob: Blob, name: string): ByteSource {
  const source: ByteSource = {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(source, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (error) {
        throw new UserError(`Cannot read "${name}": ${messageOf(error)}`, { cause: error });
      }
    },
    close() {},
  };
  return source;
}

/** Fills `bytes` from the file's current position; false if the file ends first. */
function readFully(file: Deno.FsFile, bytes: Uint8Array): boolean {
  let done = 0;
  while (done < bytes.length) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null || count === 0) return false;
    done += count;
  }
  return true;
}

/** A source over a file on disk; a `UserError` if it cannot be opened. */
export function fileSource(path: string): ByteSource {
  let file: Deno.FsFile;
  let size: number;
  try {
    file = Deno.openSync(path, { read: true });
    const status = file.statSync();
    size = status.size;
    if (!status.isFile) {
      file.close();
      throw new Error("it is not a file");
    }
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    throw new UserError(
      `Cannot read "${path}": ${isMissing ? "it does not exist" : messageOf(error)}`,
      { cause: error },
    );
  }
  const source: ByteSource = {
    name: path,
    size,
    // deno-lint-ignore require-await -- seek and read must not be parted by another read
    async read(offset, length) {
      checkRange(source, offset, length);
      const bytes = new Uint8Array(length);
      file.seekSync(offset, Deno.SeekMode.Start);
      if (!readFully(file, bytes)) {
        throw new UserError(`Cannot read "${path}": it became shorter while it was read`);
      }
      return bytes;
    },
    close: () => file.close(),
  };
  return source;
}

/** A source over a URL whose server supports range requests. */
export async function urlSource(url: URL): Promise<ByteSource> {
  const probe = await fetchRange(url, 0, 1);
  await probe.body?.cancel();
  const total = Number(probe.headers.get("content-range")?.split("/")[1]);
  if (probe.status !== 206 || !Number.isSafeInteger(total)) {
    throw new UserError(`Cannot read "${url}": the server does not serve ranges of it`, {
      hint: "download the file and give its path",
    });
  }
  const source: ByteSource = {
    name: url.href,
    size: total,
    async read(offset, length) {
      checkRange(source, offset, length);
      if (length === 0) return new Uint8Array(0);
      const response = await fetchRange(url, offset, length);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.status !== 206 || bytes.length !== length) {
        throw new UserError(`Cannot read "${url}": wanted ${length} bytes, found ${bytes.length}`);
      }
      return bytes;
    },
    close() {},
  };
  return source;
}

async function fetchRange(url: URL, offset: number, length: number): Promise<Response> {
  const range = `bytes=${offset}-${offset + length - 1}`;
  let response: Response;
  try {
    response = await fetch(url, { headers: { range } });
  } catch (error) {
    throw new UserError(`Cannot read "${url}": ${messageOf(error)}`, { cause: error });
  }
  if (response.ok) return response;
  await response.body?.cancel();
  throw new UserError(`Cannot read "${url}": the server answered ${response.status}`);
}

/**
 * Opens a path, a `file:` or `http(s):` URL, or bytes.
 *
 * @example
 * ```ts
 * import { openSource } from "./byte_source.ts";
 * const source = await openSource(new Uint8Array([1, 2, 3, 4]));
 * const bytes = await source.read(1, 2);
 * if (bytes[0] !== 2 || bytes.length !== 2) throw new Error(String(bytes));
 * ```
 */
export async function openSource(from: string | URL | Uint8Array): Promise<ByteSource> {
  if (from instanceof Uint8Array) return bytesSource(from);
  if (typeof from === "string" && /^(https?|file):\/\//.test(from)) from = new URL(from);
  if (typeof from === "string") return fileSource(from);
  if (from.protocol === "file:") return fileSource(fileURLToPath(from));
  return await urlSource(from);
}
