/**
 * A frozen model's features on disk, so that it need not process the same image twice.
 *
 * ```
 * ROOT/<model>/<aa>/<picture>    float32 values, then the first 8 bytes of their SHA-256
 * ```
 *
 * An image is named by the SHA-256 of its pixels: the same file with the same crop seed has the same name,
 * wherever the file is and whichever run made the crop, and a changed file has a different one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";

const checkBytes = 8;

/** The name of an image, or of anything else determined by its bytes: hexadecimal SHA-256. */
export function contentKey(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Where features are kept and how many. */
export interface FeatureCacheOptions {
  /** Folder; created if it does not exist. Several runs may share it. */
  readonly directory: string;
  /** Hash of the model and of everything that determines its features. */
  readonly model: string;
  /** Values per image. */
  readonly length: number;
  /** Bytes that this model's features may take; what does not fit is not stored. */
  readonly maxBytes: number;
}

/**
 * The stored features of one model.
 *
 * Nothing is evicted to make room: runs read all images over and over in different orders, for which keeping
 * the first ones is as good as any policy. A broken file counts as missing.
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

  /** @throws UserError if the folder cannot be created or read */
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

  /** Images whose features are stored. */
  get entries(): number {
    return this.#entries;
  }

  /** Whether there is no room for another image. */
  get isFull(): boolean {
    return this.#entries >= this.#mostEntries;
  }

  #pathOf(key: string): string {
    return join(this.#folder, key.slice(0, 2), key.slice(2));
  }

  /** The features of an image, bit for bit as written; null if they are not stored. */
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

  /** Stores the features of an image if there is room; a reader sees all of them or none. */
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
    // Two images with the same pixels, or two hosts, must not use the same temporary file.
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

/** Complete entries below a folder; half-written ones left by a killed process are removed. */
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
