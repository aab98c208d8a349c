/**
 * Where bytes go: a file that is written in order, hashed as it is written, and replaces an older one once
 * complete.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { concatBytes } from "../../core/concatenate.ts";
import { writeError } from "../store/disk_space.ts";

/** Anything that takes bytes in order. */
export interface ByteSink {
  write(bytes: Uint8Array): void;
}

/** Where a file is written, and where it goes once complete; the same path for anything but a plain file. */
interface Places {
  readonly aside: string;
  readonly target: string;
}

/**
 * A link stays a link; a device, a pipe, or a file in a folder that allows no other file is written directly.
 */
function placesOf(path: string): Places {
  const atOnce = { aside: path, target: path };
  let target = path;
  try {
    if (!Deno.statSync(path).isFile) return atOnce;
    target = Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return atOnce;
  }
  const aside = `${target}.tmp`;
  const { state } = Deno.permissions.querySync({ name: "write", path: aside });
  return state === "granted" ? { aside, target } : atOnce;
}

/**
 * A new file, written in order, that counts and hashes its bytes. It is written next to the old one, which
 * stays unchanged until {@link FileSink.finish}.
 */
export class FileSink implements ByteSink {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #places: Places;
  readonly #hash = createHash("sha256");
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
    this.#places = placesOf(path);
    try {
      const { aside } = this.#places;
      this.#file = Deno.openSync(aside, { write: true, create: true, truncate: true });
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

  /** Flushes to disk, closes, moves the file into place, and returns what was written. */
  finish(): { bytes: number; sha256: string } {
    const { aside, target } = this.#places;
    try {
      try {
        this.#flush();
      } finally {
        this.#file.close();
      }
      if (aside !== target) Deno.renameSync(aside, target);
    } catch (error) {
      this.#remove();
      throw writeError(`write "${this.#path}"`, error);
    }
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  /** Closes and removes what was written, for an abandoned file; the old one is still there. */
  abandon(): void {
    this.#file.close();
    this.#remove();
  }

  /** Pipes and some devices cannot be flushed, and need not be. */
  #flush(): void {
    const isPlain = this.#file.statSync().isFile;
    if (isPlain) this.#file.syncSync();
  }

  #remove(): void {
    const { aside, target } = this.#places;
    if (aside === target) return;
    try {
      Deno.removeSync(aside);
    } catch {
      // It is overwritten the next time.
    }
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
