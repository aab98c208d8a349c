/**
 * All files below a folder, with a cache: reading the names of 1.3 million files takes minutes on a
 * network disk. A cached listing holds as long as no folder's time of change differs.
 *
 * @module
 */

/** One folder of a listing. */
interface ListedFolder {
  /** Path below the root, `""` for the root. */
  readonly path: string;
  /** Time of its last change, in milliseconds. */
  readonly changed: number;
  /** Names of the files in it. */
  readonly files: readonly string[];
}

/** Smaller listings are faster read anew. */
const worthCaching = 20_000;
const deepest = 32;

const join = (folder: string, name: string) => folder === "" ? name : `${folder}/${name}`;

function timeOf(path: string): number {
  return Deno.statSync(path).mtime?.getTime() ?? 0;
}

/** What a symbolic link leads to, `undefined` where it leads nowhere. */
function followLink(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function listFolder(root: string, path: string, depth: number, result: ListedFolder[]): void {
  const full = join(root, path);
  const changed = timeOf(full);
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of Deno.readDirSync(full)) {
    if (entry.name.startsWith(".")) continue;
    const kind = entry.isSymlink ? followLink(`${full}/${entry.name}`) : entry;
    if (kind?.isDirectory) folders.push(entry.name);
    else if (kind?.isFile) files.push(entry.name);
  }
  result.push({ path, changed, files });
  if (depth >= deepest) return;
  for (const name of folders.sort()) listFolder(root, join(path, name), depth + 1, result);
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
    // No cache, a broken one, or a folder that is gone: list anew.
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
    // The cache saves time and is never needed: a full or read-only disk must not stop a run.
  }
}

/** Paths of all files below `root`, relative to it, without hidden ones. */
export function listFiles(root: string, cacheDirectory?: string): string[] {
  const absolute = Deno.realPathSync(root);
  const file = cacheDirectory && `${cacheDirectory}/${cacheName(absolute)}`;
  let folders = file ? readCached(file, absolute) : undefined;
  if (folders === undefined) {
    folders = [];
    listFolder(absolute, "", 0, folders);
    const count = folders.reduce((sum, folder) => sum + folder.files.length, 0);
    if (file && cacheDirectory && count >= worthCaching) {
      writeCached(file, cacheDirectory, absolute, folders);
    }
  }
  return folders.flatMap(({ path, files }) => files.map((name) => join(path, name)));
}
