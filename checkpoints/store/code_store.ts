/**
 * The visual tokens of many crops in one file, so that a frozen tokenizer sees each of them once.
 *
 * ```
 * slot 0, slot 1, …    8 bytes of the crop's key, a code per patch (uint16 or uint32), 8 bytes of
 *                      the SHA-256 of both
 * ```
 *
 * A record is valid if its checksum is right and its key that of the crop at hand. Whatever else is
 * in a slot — nothing yet, half of a write that was killed, the codes of an image that has changed —
 * counts as missing and is written anew, so no interruption can leave wrong codes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import { formatBytes } from "../../core/number_formats.ts";
import { freeDiskBytes } from "./disk_space.ts";

const keyBytes = 8;
const checkBytes = 8;

/** The size of a store. */
export interface CodeStoreOptions {
  /** The file; created with its folder if it does not exist. Several processes may share it. */
  readonly path: string;
  /** Number of crops. */
  readonly slots: number;
  /** Codes of a crop. */
  readonly patches: number;
  /** Size of the codebook: up to 65 536 codes take two bytes each. */
  readonly codes: number;
}

/**
 * Codes by slot; reading and writing are synchronous, because a record is a few hundred bytes.
 *
 * @example
 * ```ts
 * import { CodeStore } from "./code_store.ts";
 * import { contentKey } from "./feature_cache.ts";
 * const directory = await Deno.makeTempDir();
 * const path = `${directory}/codes`;
 * const store = CodeStore.open({ path, slots: 10, patches: 2, codes: 8192 });
 * const key = contentKey(Uint8Array.of(1, 2, 3));
 * if (store.read(3, key) !== null) throw new Error();
 * store.write(3, key, Int32Array.of(8191, 5));
 * if (store.read(3, key)!.join() !== "8191,5") throw new Error();
 * if (store.read(3, contentKey("another crop")) !== null) throw new Error();
 * store.close();
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export class CodeStore {
  readonly #file: Deno.FsFile;
  readonly #options: CodeStoreOptions;
  readonly #width: 2 | 4;
  readonly #recordBytes: number;

  private constructor(file: Deno.FsFile, options: CodeStoreOptions) {
    this.#file = file;
    this.#options = options;
    this.#width = options.codes <= 65_536 ? 2 : 4;
    this.#recordBytes = recordBytesOf(options);
  }

  /** @throws UserError if the file cannot be opened, or its disk has no room for all codes */
  static open(options: CodeStoreOptions): CodeStore {
    const { path, slots } = options;
    const folder = dirname(path);
    let file: Deno.FsFile;
    try {
      Deno.mkdirSync(folder, { recursive: true });
      file = Deno.openSync(path, { read: true, write: true, create: true });
    } catch (error) {
      throw new UserError(`Cannot keep codes in "${path}": ${messageOf(error)}`, {
        hint: "give another folder with --set tokenizer.codesDirectory=DIR",
        cause: error,
      });
    }
    const bytes = slots * recordBytesOf(options);
    const wanted = bytes - file.statSync().size;
    const free = freeDiskBytes(folder);
    if (free !== null && wanted > free) {
      file.close();
      throw new UserError(
        `Cannot keep codes in "${path}": they take ${formatBytes(bytes)}, and the disk has ` +
          `${formatBytes(free)} left`,
        { hint: "make room, or lower --set augment.cropsPerImage=N" },
      );
    }
    return new CodeStore(file, options);
  }

  /** The codes of a crop, int32 [N]; null if they are not stored. */
  read(slot: number, key: string): Int32Array | null {
    const record = new Uint8Array(this.#recordBytes);
    this.#seek(slot);
    for (let done = 0; done < record.length;) {
      const count = this.#file.readSync(record.subarray(done));
      if (count === null) return null;
      done += count;
    }
    const body = record.subarray(0, record.length - checkBytes);
    if (!isEqual(record.subarray(body.length), checkOf(body))) return null;
    if (!isEqual(record.subarray(0, keyBytes), bytesOf(key))) return null;
    const codes = body.slice(keyBytes).buffer;
    return Int32Array.from(this.#width === 2 ? new Uint16Array(codes) : new Uint32Array(codes));
  }

  /** Stores the codes of a crop. */
  write(slot: number, key: string, codes: Int32Array): void {
    if (codes.length !== this.#options.patches) {
      throw new RangeError(`Expected ${this.#options.patches} codes, found ${codes.length}`);
    }
    const record = new Uint8Array(this.#recordBytes);
    record.set(bytesOf(key));
    const packed = this.#width === 2 ? Uint16Array.from(codes) : Uint32Array.from(codes);
    record.set(new Uint8Array(packed.buffer), keyBytes);
    const end = record.length - checkBytes;
    record.set(checkOf(record.subarray(0, end)), end);
    try {
      this.#seek(slot);
      for (let done = 0; done < record.length;) {
        done += this.#file.writeSync(record.subarray(done));
      }
    } catch (error) {
      throw new UserError(`Cannot keep codes in "${this.#options.path}": ${messageOf(error)}`, {
        hint: "make room, or turn it off with --set augment.cropsPerImage=null",
        cause: error,
      });
    }
  }

  close(): void {
    this.#file.close();
  }

  #seek(slot: number): void {
    if (!(slot >= 0 && slot < this.#options.slots)) throw new RangeError(`No slot ${slot}`);
    this.#file.seekSync(slot * this.#recordBytes, Deno.SeekMode.Start);
  }
}

/** Bytes that the codes of one crop take. */
export function recordBytesOf({ patches, codes }: Pick<CodeStoreOptions, "patches" | "codes">) {
  return keyBytes + patches * (codes <= 65_536 ? 2 : 4) + checkBytes;
}

/** The first bytes of a key in hexadecimal. */
function bytesOf(key: string): Uint8Array {
  return Uint8Array.fromHex(key.slice(0, 2 * keyBytes));
}

function checkOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest().subarray(0, checkBytes);
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, index) => byte === other[index]);
}
