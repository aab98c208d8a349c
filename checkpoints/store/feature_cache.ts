/**
 * Features of a frozen model on the disk, so that it need not see the same picture twice.
 *
 * ```
 * ROOT/<model>/<aa>/<picture>    float32 values, then the first 8 bytes of their SHA-256
 * ```
 *
 * A picture is named by the SHA-256 of its pixels: the same file under the same crop seed has the same
 * name, wherever the file lies and whichever run made the crop, and a changed file has another.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";

const checkBytes = 8;

/** The name of a picture, or of anything else that bytes decide: hexadecimal SHA-256. */
export function contentKey(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Where features are kept and how many. */
export interface FeatureCacheOptions {
  /** Folder; made where it does not exist. Several runs may share it. */
  readonly directory: string;
  /** Hash of the model and of all that decides its features. */
  readonly model: string;
  /** Values of one picture. */
  readonly length: number;
  /** Bytes that the features of this model may take; what does not fit is left out. */
  readonly maxBytes: number;
}

/**
 * The kept features of one model.
 *
 * Nothing is thrown out to make room: runs read all pictures again and again in other orders, for which
 * keeping the first that came is as good as it gets. A file that is broken counts as missing.
 *
 * @example
 * ```ts
 * import { contentKey, FeatureCache } from "./feature_cache.ts";
 * const directory = await Deno.makeTempDir();
 * const cache = FeatureCache.open({ directory, model: "m", length: 2, maxBytes: 1000 });
 * const key = contentKey(Uint8Array.of(1, 2, 3));
 * if (await cache.read(key) !== null) throw new Error();
 * await cache.write(key, Float32Array.of(0.5, -1));
 * if ((await cache.read(key))![1] !== -1) throw new Error();
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export class FeatureCache {
  readonly #folder: string;
  readonly #length: number;
  readonly #mostEntries: number;
  #entries: number;

  private constructor({ directory, model, length, maxBytes }: FeatureCacheOptions) {
    this.#folder = join(directory, model.slice(0, 32));
    this.#length = length;
    this.#mostEntries = Math.floor(maxBytes / (length * 4 + checkBytes));
    this.#entries = countEntries(this.#folder);
  }

  /** @throws UserError where the folder cannot be made or read */
  static open(options: FeatureCacheOptions): FeatureCache {
    try {
      Deno.mkdirSync(options.directory, { recursive: true });
      return new FeatureCache(options);
    } catch (error) {
      throw new UserError(
        `Cannot keep features in "${options.directory}": ${messageOf(error)}`,
        {
          hint: "give another folder with --set teacher.cache.directory=DIR, or null for none",
          cause: error,
        },
      );
    }
  }

  /** Pictures whose features are kept. */
  get entries(): number {
    return this.#entries;
  }

  /** Whether no further picture has room. */
  get isFull(): boolean {
    return this.#entries >= this.#mostEntries;
  }

  #pathOf(key: string): string {
    return join(this.#folder, key.slice(0, 2), key.slice(2));
  }

  /** The features of a picture, bit for bit as they were written; null where they are not kept. */
  async read(key: string): Promise<Float32Array | null> {
    let bytes: Uint8Array;
    try {
      bytes = await Deno.readFile(this.#pathOf(key));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw new UserError(`Cannot read features: ${messageOf(error)}`, { cause: error });
    }
    const end = this.#length * 4;
    if (bytes.length !== end + checkBytes) return null;
    const values = bytes.slice(0, end);
    if (checkOf(values).some((byte, index) => byte !== bytes[end + index])) return null;
    return new Float32Array(values.buffer);
  }

  /** Keeps the features of a picture, where there is room; a reader sees all of them or none. */
  async write(key: string, values: Float32Array): Promise<void> {
    if (values.length !== this.#length) {
      throw new RangeError(`Expected ${this.#length} values, found ${values.length}`);
    }
    if (this.isFull) return;
    this.#entries++;
    const own = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const bytes = new Uint8Array(own.length + checkBytes);
    bytes.set(own);
    bytes.set(checkOf(own), own.length);
    const path = this.#pathOf(key);
    // Of two pictures with the same pixels, and of two hosts, neither may take the other's.
    const aside = `${path}.${crypto.randomUUID()}.tmp`;
    try {
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await Deno.writeFile(aside, bytes);
      await Deno.rename(aside, path);
    } catch (error) {
      throw new UserError(`Cannot keep features in "${path}": ${messageOf(error)}`, {
        hint: "make room, or turn it off with --set teacher.cache.directory=null",
        cause: error,
      });
    }
  }
}

function checkOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest().subarray(0, checkBytes);
}

/** Whole entries below a folder; what a killed process left half-written is removed. */
function countEntries(folder: string): number {
  let count = 0;
  for (const part of namesIn(folder)) {
    for (const name of namesIn(join(folder, part))) {
      if (name.endsWith(".tmp")) Deno.removeSync(join(folder, part, name));
      else count++;
    }
  }
  return count;
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
