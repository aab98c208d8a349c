/** A file of a page's disk that is open, as `Deno.openSync` returns one. @module */

import type { PageFile } from "./page_file.ts";

/** What the program uses of a `Deno.FsFile`. */
export class OpenFile {
  readonly #file: PageFile;
  readonly #status: () => Deno.FileInfo;
  #at = 0;

  /** @param status of the file, as `Deno.statSync` gives it */
  constructor(file: PageFile, status: () => Deno.FileInfo) {
    this.#file = file;
    this.#status = status;
  }

  /** Bytes read into `target`; null at the end of the file. */
  readSync(target: Uint8Array): number | null {
    const part = this.#file.bytes.subarray(this.#at, this.#at + target.length);
    target.set(part);
    this.#at += part.length;
    return part.length === 0 && target.length > 0 ? null : part.length;
  }

  writeSync(bytes: Uint8Array): number {
    this.#file.write(this.#at, bytes);
    this.#at += bytes.length;
    return bytes.length;
  }

  seekSync(offset: number, whence: Deno.SeekMode): number {
    const base = [0, this.#at, this.#file.size][whence];
    return this.#at = base + Number(offset);
  }

  truncateSync(size = 0): void {
    this.#file.resize(size);
  }

  statSync(): Deno.FileInfo {
    return this.#status();
  }

  /** The whole file, as a stream. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new Blob([this.#file.bytes]).stream();
  }

  /** A page is the only one that uses its disk. */
  tryLockSync(): boolean {
    return true;
  }

  syncSync(): void {}
  syncDataSync(): void {}
  close(): void {}
}
