/**
 * All files below a folder, with a cache: reading the names of 1.3 million files takes minutes on a
 * network disk. A cached listing is valid until a folder's modification time changes.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { isNowhere } from "./nowhere.ts";

/** One folder in a listing. */
interface ListedFolder {
  /** Path below the root, `""` for the root. */
  readonly path: string;
  /** Modification time, in milliseconds. */
  readonly changed: number;
  /** Names of the files in it. */
  readonly files: readonly string[];
}

/** Smaller listings are faster to read again. */
const worthCaching = 20_000;
const deepest = 32;

const join = (folder: string, name: string) => folder === "" ? name : `${folder}/${name}`;

function timeOf(path: string): number {
  return Deno.statSync(path).mtime?.getTime() ?? 0;
}

/** What a symbolic link points to, `undefined` if nothing. */
export function followLink(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (isNowhere(error)) return undefined;
    throw error;
  }
}

/** A folder being visited: its real path, and those of the folders leading to it. */
interface Visit {
  readonly path: string;
  readonly real: string;
  readonly above: readonly string[];
}

/** Paths into one folder: each doubles what is below it, and a few links could make millions. */
const mostWays = 100;

function listFolder(root: string, visit: Visit, ways: Map<string, number>, result: ListedFolder[]) {
  const { path, real, above } = visit;
  const full = join(root, path);
  const count = (ways.get(real) ?? 0) + 1;
  if (count > mostWays) {
    throw new UserError(`Cannot list "${root}": links lead into "${real}" in too many ways`, {
      hint: "remove links between folders",
    });
  }
  ways.set(real, count);
  const changed = timeOf(full);
  const files: string[] = [];
  const folders: Visit[] = [];
  for (const entry of Deno.readDirSync(full)) {
    if (entry.name.startsWith(".")) continue;
    const own = `${full}/${entry.name}`;
    const kind = entry.isSymlink ? followLink(own) : entry;
    // A dangling link is listed as a file; whoever reads it reports that there is nothing.
    if (kind === undefined || kind.isFile) files.push(entry.name);
    else if (kind.isDirectory) {
      const target = entry.isSymlink ? Deno.realPathSync(own) : `${real}/${entry.name}`;
      // A link to a folder that contains it would never end.
      if (target === real || above.includes(target)) continue;
      folders.push({ path: join(path, entry.name), real: target, above: [...above, real] });
    }
  }
  result.push({ path, changed, files });
  if (above.length >= deepest) return;
  folders.sort((a, b) => a.path < b.path ? -1 : 1);
  for (const folder of folders) listFolder(root, folder, ways, result);
}

/** A name for the cache file: a 64-bit FNV-1a hash of the root's path. */
function cacheName(root: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(root)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return `listing-${hash.toString(16).padStart(16, "0")}.json`;
}

function readCached(file: string, root: string): ListedFolder[] | undefined {
  try {
    const cached = JSON.parse(Deno.readTextFileSync(file));
    if (cached.version !== 1 || cached.root !== root) return undefined;
    const folders: ListedFolder[] = cached.folders;
    const holds = folders.every(({ path, changed }) => timeOf(join(root, path)) === changed);
    return holds ? folders : undefined;
  } catch {
    // No cache, a broken one, or a missing folder: list again.
    return undefined;
  }
}

function writeCached(file: string, directory: string, root: string, folders: ListedFolder[]) {
  try {
    Deno.mkdirSync(directory, { recursive: true });
    const temporary = `${file}.${Deno.pid}`;
    Deno.writeTextFileSync(temporary, JSON.stringify({ version: 1, root, folders }));
    Deno.renameSync(temporary, file);
  } catch {
    // The cache saves time but is never required: a full or read-only disk must not stop a run.
  }
}

/** Paths of all files below `root`, relative to it, excluding hidden ones. */
export function listFiles(root: string, cacheDirectory?: string): string[] {
  const absolute = Deno.realPathSync(root);
  const file = cacheDirectory && `${cacheDirectory}/${cacheName(absolute)}`;
  let folders = file ? readCached(file, absolute) : undefined;
  if (folders === undefined) {
    folders = [];
    listFolder(absolute, { path: "", real: absolute, above: [] }, new Map(), folders);
    const count = folders.reduce((sum, folder) => sum + folder.files.length, 0);
    if (file && cacheDirectory && count >= worthCaching) {
      writeCached(file, cacheDirectory, absolute, folders);
    }
  }
  return folders.flatMap(({ path, files }) => files.map((name) => join(path, name)));
}
