/**
 * Where bytes go: a file written in order, hashed on the way.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { concatBytes } from "../core/concatenate.ts";
import { writeError } from "./disk_space.ts";

/** Anything that takes bytes in order. */
export interface ByteSink {
  write(bytes: Uint8Array): void;
}

/** A new file, written in order; counts and hashes what it takes. */
export class FileSink implements ByteSink {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #hash = createHash("sha256");
  #bytes = 0;

  /** Creates the file, or empties it. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    } catch (error) {
      throw writeError(`write "${path}"`, error);
    }
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    } catch (error) {
      throw writeError(`write "${this.#path}"`, error);
    }
  }

  /** Flushes to the disk, closes, and says what was written. */
  finish(): { bytes: number; sha256: string } {
    try {
      this.#file.syncSync();
    } catch (error) {
      throw writeError(`write "${this.#path}"`, error);
    } finally {
      this.#file.close();
    }
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  /** Closes without flushing; for a file that is given up. */
  abandon(): void {
    this.#file.close();
  }
}

/** A sink that keeps everything in memory. */
export class MemorySink implements ByteSink {
  readonly #parts: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.#parts.push(bytes.slice());
  }

  /** All bytes written so far. */
  bytes(): Uint8Array<ArrayBuffer> {
    return concatBytes(this.#parts);
  }
}
