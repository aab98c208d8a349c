/**
 * Opens a data set by its path or address, whatever its layout.
 *
 * @module
 */
import { messageOf, UserError } from "../core/errors.ts";
import { openArchive, openShards } from "./_archive_source.ts";
import { fileStore, memoryStore } from "./_byte_store.ts";
import { openFolder } from "./_folder_source.ts";
import { withoutListed } from "./_exclude.ts";
import { type LabelRule, MissingSplitError } from "./_layout.ts";
import type { Source } from "./source.ts";
import { holdOut } from "./subset.ts";

/** Which part of a data set to open, and how to read it. */
export interface SourceOptions {
  /**
   * The part: a folder `train`, `val`, `test`, … of the data set. Left out: `train` where the data set
   * has splits, else all of it.
   */
  readonly split?: string;
  /**
   * Where labels come from. `auto` (the default): `.cls` members, a list file, else class folders where
   * every picture lies in one; `folders` insists on class folders; `none` ignores all of these.
   */
  readonly labels?: LabelRule;
  /**
   * A list file of lines `path label` or `path`, relative to the folder of the split. Left out:
   * `meta/<split>.txt` of the data set where there is one.
   */
  readonly list?: string;
  /**
   * A file that names images to leave out, an id a line, as `data check` writes it.
   */
  readonly exclude?: string;
  /**
   * Share of the images of each class that `val` and `test` mean, and `train` lacks, where the data set
   * has labels and no splits. Left out: such a data set has no `val`.
   */
  readonly holdOut?: number;
  /** Where the listings of folders with 20 000 files and more are kept between runs. */
  readonly cacheDirectory?: string;
}

/** Compressed archives are unpacked into memory; larger ones had better be unpacked on disk. */
const gzipLimit = 1 << 30;

async function gunzip(packed: Uint8Array<ArrayBuffer>, name: string): Promise<Uint8Array> {
  if (packed.length > gzipLimit) {
    throw new UserError(`Cannot read "${name}": compressed archives are limited to 1 GiB`, {
      hint: "decompress it with gunzip",
    });
  }
  try {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new UserError(`Cannot decompress "${name}": ${messageOf(cause)}`, { cause });
  }
}

/** Memory that workers can see without a copy, where the platform has it. */
function shared(bytes: Uint8Array): Uint8Array {
  if (typeof SharedArrayBuffer === "undefined") return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

const isGzip = (head: Uint8Array) => head[0] === 0x1f && head[1] === 0x8b;

async function openBytes(bytes: Uint8Array<ArrayBuffer>, name: string, options: SourceOptions) {
  const plain = isGzip(bytes) ? await gunzip(bytes, name) : bytes;
  const memory = shared(plain);
  return await openArchive({ store: memoryStore(memory), path: null, name, memory }, options);
}

async function openUrl(url: URL, options: SourceOptions): Promise<Source> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new UserError(`Cannot fetch data "${url}": ${messageOf(cause)}`, { cause });
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw new UserError(`Cannot fetch data "${url}": the server answered ${response.status}`);
  }
  return await openBytes(new Uint8Array(await response.arrayBuffer()), url.href, options);
}

async function openFile(path: string, options: SourceOptions): Promise<Source> {
  const store = fileStore(path);
  try {
    if (isGzip(store.read(0, 2))) return await openBytes(Deno.readFileSync(path), path, options);
    return await openArchive({ store, path, name: path }, options);
  } finally {
    store.close();
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new UserError(`Cannot read data "${path}": no such file or folder`, {
        hint: "check the path given with --data",
        cause,
      });
    }
    throw new UserError(`Cannot read data "${path}": ${messageOf(cause)}`, { cause });
  }
}

async function openPath(path: string, options: SourceOptions): Promise<Source> {
  if (!isFolder(path)) return await openFile(path, options);
  return await openShards(path, options) ?? openFolder(path, options);
}

/** A path from a `file:` address, with its escapes undone. */
function pathOf(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}

async function openLocation(location: string, options: SourceOptions): Promise<Source> {
  if (/^https?:\/\//.test(location)) return await openUrl(new URL(location), options);
  const isAddress = /^file:\/\//.test(location);
  return await openPath(isAddress ? pathOf(new URL(location)) : location, options);
}

/** Opens one part of a data set that is divided, or to be divided here. */
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
 * - a folder of pictures, in class folders or not, with `train/` and `val/` or not;
 * - the ImageNet layout with mmselfsup's lists (`meta/train.txt`, pictures in `train/`);
 * - a tar archive, plain or as webdataset shards (`.cls` members), one or a folder of them;
 * - a zip archive, stored or deflated; both archives may hold splits and class folders, and a tar may
 *   be compressed with gzip if it is small;
 * - the address (`https:`, `file:`) of an archive, which is fetched into memory.
 *
 * @throws UserError where there is nothing at the path, no picture in it, no such split, or a list file
 * or archive that cannot be read
 *
 * @example The bundled sample
 * ```ts
 * import { openSource } from "./open_source.ts";
 * const asset = new URL("../assets/fashion-mnist.tar.gz", import.meta.url);
 * const source = await openSource(asset, { split: "test" });
 * if (source.classes.length !== 10) throw new Error();
 * ```
 */
export async function openSource(
  location: string | URL,
  options: SourceOptions = {},
): Promise<Source> {
  const source = await openPart(String(location), options);
  return options.exclude === undefined ? source : withoutListed(source, options.exclude);
}
