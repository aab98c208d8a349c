/**
 * Opens a data set by its path or URL, whatever its layout.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { ArchiveMemory, gzipSize, isGzip } from "../archives/archive_memory.ts";
import type { Archive } from "../archives/archive_listing.ts";
import { openArchives } from "../archives/archive_source.ts";
import { type ByteStore, fileStore, memoryStore } from "../archives/byte_store.ts";
import { openFolder } from "./folder_source.ts";
import { withoutListed } from "./exclude.ts";
import { GrowingBytes, inPieces } from "../archives/inflate.ts";
import { MissingSplitError } from "./layout.ts";
import { isNowhere } from "./nowhere.ts";
import { expandPattern, findShards, isPattern } from "../archives/shards.ts";
import type { Source } from "./source.ts";
import type { SourceOptions } from "./source_options.ts";
import { holdOut } from "./subset.ts";

/** Maximum number of bytes in an archive that is downloaded. */
const mostFetched = 2 ** 31;

/** The archive at a URL, compressed or not. */
async function fetchArchive(url: URL): Promise<Uint8Array> {
  const fail = (reason: string, cause?: unknown) =>
    new UserError(`Cannot download data "${url}": ${reason}`, { cause });
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw fail(messageOf(cause), cause);
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw fail(`the server answered ${response.status}`);
  }
  const bytes = new GrowingBytes(mostFetched);
  bytes.reserve(Number(response.headers.get("content-length") ?? 0) || 0);
  try {
    for await (const piece of response.body) {
      if (!bytes.add(piece)) throw new Error(`it has more than ${mostFetched} bytes`);
    }
  } catch (cause) {
    throw fail(messageOf(cause), cause);
  }
  return bytes.take();
}

/** Archives opened as one data set. */
class ArchiveList {
  readonly #files: Archive[] = [];
  readonly #memory = new ArchiveMemory();
  readonly #remembered: { base: number; length: number; name: string; at: number }[] = [];

  #remember(name: string, place: { base: number; length: number }): void {
    this.#remembered.push({ ...place, name, at: this.#files.length + this.#remembered.length });
  }

  /** Adds a file, decompressed into memory if it is compressed. */
  async addFile(path: string): Promise<void> {
    const store = openStore(path);
    if (!isGzip(store.read(0, 2))) {
      this.#files.push({ store, path, name: path });
      return;
    }
    const size = gzipSize(store.read(store.size - 4, 4));
    store.close();
    const { readable } = await Deno.open(path);
    this.#remember(path, await this.#memory.addGzip(readable, path, size));
  }

  /** Adds the archive at a URL. */
  async addUrl(url: URL): Promise<void> {
    const fetched = await fetchArchive(url);
    const place = isGzip(fetched)
      ? await this.#memory.addGzip(fetched, url.href, gzipSize(fetched.slice(-4)))
      : await this.#memory.add(inPieces(fetched), url.href, fetched.length);
    this.#remember(url.href, place);
  }

  /** The source covering all of them; the files are closed. */
  async open(name: string, options: SourceOptions, split?: string): Promise<Source> {
    const archives = [...this.#files];
    const { bytes } = this.#memory;
    for (const { base, length, name, at } of this.#remembered) {
      const store = memoryStore(bytes.subarray(base, base + length));
      archives.splice(at, 0, { store, path: null, base, name });
    }
    const memory = this.#remembered.length === 0 ? undefined : bytes;
    return await openArchives(archives, name, options, { memory, split });
  }

  close(): void {
    for (const { store } of this.#files) store.close();
  }
}

function openStore(path: string): ByteStore {
  try {
    return fileStore(path);
  } catch (cause) {
    const reason = isNowhere(cause) ? "no such file or folder" : messageOf(cause);
    throw new UserError(`Cannot read data "${path}": ${reason}`, { cause });
  }
}

/** Opens archives by their paths and URLs. */
async function openLocations(
  locations: readonly (string | URL)[],
  name: string,
  options: SourceOptions,
  split?: string,
): Promise<Source> {
  const list = new ArchiveList();
  try {
    for (const location of locations) {
      if (location instanceof URL) await list.addUrl(location);
      else await list.addFile(location);
    }
    return await list.open(name, options, split);
  } finally {
    list.close();
  }
}

/** Opens the shards that a pattern stands for. */
async function openPattern(pattern: string, options: SourceOptions): Promise<Source> {
  const locations = expandPattern(pattern).map((location) =>
    /^https?:\/\//.test(location) ? new URL(location) : location
  );
  return await openLocations(locations, pattern, options);
}

/** Opens a folder of shards; `undefined` if it is not one. */
async function openShards(path: string, options: SourceOptions): Promise<Source | undefined> {
  const { folder, shards, split } = findShards(path.replace(/(?<=.)\/+$/, ""), options.split);
  if (shards.length === 0) return undefined;
  const { split: _, ...rest } = options;
  const paths = shards.map((shard) => `${folder}/${shard}`);
  return await openLocations(paths, folder, split === undefined ? options : rest, split);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (cause) {
    if (isNowhere(cause)) {
      throw new UserError(`Cannot read data "${path}": no such file or folder`, {
        hint: "give the path of your images with --data",
        cause,
      });
    }
    throw new UserError(`Cannot read data "${path}": ${messageOf(cause)}`, { cause });
  }
}

async function openPath(path: string, options: SourceOptions): Promise<Source> {
  if (!isFolder(path)) return await openLocations([path], path, options);
  return await openShards(path, options) ?? openFolder(path, options);
}

/** A path from a `file:` URL, unescaped. */
function pathOf(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}

async function openLocation(location: string, options: SourceOptions): Promise<Source> {
  if (isPattern(location)) return await openPattern(location, options);
  if (/^https?:\/\//.test(location)) {
    return await openLocations([new URL(location)], location, options);
  }
  const isAddress = /^file:\/\//.test(location);
  return await openPath(isAddress ? pathOf(new URL(location)) : location, options);
}

/** Opens one split of a data set that has splits, or is split here. */
async function openPart(location: string, options: SourceOptions): Promise<Source> {
  const { split, holdOut: share = 0, list } = options;
  const isDivided = share > 0 && list === undefined;
  try {
    const source = await openLocation(location, options);
    if (!isDivided || split !== "train" || source.split !== undefined) return source;
    return holdOut(source, share)?.rest ?? source;
  } catch (error) {
    if (!isDivided || !(error instanceof MissingSplitError) || !error.isUndivided) throw error;
    const whole = await openLocation(location, { ...options, split: "train" });
    const parts = holdOut(whole, share);
    if (parts !== null) return parts.held;
    whole.close?.();
    throw error;
  }
}

/**
 * Opens a data set:
 *
 * - a folder of images, with or without class folders, and with or without `train/` and `val/`;
 * - the ImageNet layout with mmselfsup's lists (`meta/train.txt`, images in `train/`);
 * - a tar archive, plain or compressed with gzip, or WebDataset shards (`.cls` or `.json` members), a single
 *   one, a folder of them, or a pattern: `wds-{0000..0012}.tar`, `wds-*.tar`;
 * - a zip archive, stored or deflated; both kinds of archive may contain splits and class folders;
 * - the URL (`https:`, `file:`) of an archive, or a pattern with braces.
 *
 * Anything gzipped or downloaded is held in memory, 2 GiB at most in total.
 *
 * @throws UserError if the path does not exist, contains no images or no such split, or if a list file or
 * archive cannot be read
 *
 * @example The bundled sample
 * ```ts
 * import { openSource } from "./open_source.ts";
 * const asset = new URL("../../assets/fashion-mnist.tar.gz", import.meta.url);
 * const source = await openSource(asset, { split: "test" });
 * if (source.classes.length !== 10) throw new Error();
 * ```
 */
export async function openSource(
  location: string | URL,
  options: SourceOptions = {},
): Promise<Source> {
  try {
    const source = await openPart(String(location), options);
    return options.exclude === undefined ? source : withoutListed(source, options.exclude);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    // The system's own error: no permission, too many open files, a disk that does not respond.
    throw new UserError(`Cannot read data "${location}": ${messageOf(cause)}`, { cause });
  }
}
