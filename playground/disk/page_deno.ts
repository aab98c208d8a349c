/**
 * What the program finds under the name `Deno` in a page: Deno's functions for files, on a {@link PageDisk}. The
 * build puts `pageDeno` where a bundle says `Deno`; whether there is a `Deno` is still answered with no.
 *
 * @module
 */

import { OpenFile } from "./open_file.ts";
import { type DiskEntry, NotFound, PageDisk } from "./page_disk.ts";

function statusOf({ id, file }: DiskEntry): Deno.FileInfo {
  return {
    isFile: file !== null,
    isDirectory: file === null,
    isSymlink: false,
    size: file?.size ?? 0,
    ino: id,
    mtime: null,
  } as Deno.FileInfo;
}

/** Deno's functions on a disk; those that the program uses in a page. */
export function denoOn(disk: PageDisk) {
  const text = (path: string | URL) => new TextDecoder().decode(disk.file(String(path)).bytes);
  const put = (path: string | URL, bytes: Uint8Array) => {
    const file = disk.createFile(String(path));
    file.resize(0);
    file.write(0, bytes);
  };
  const statSync = (path: string | URL) => statusOf(disk.get(String(path)));
  const openSync = (path: string | URL, options: Deno.OpenOptions = { read: true }) => {
    const at = String(path);
    const { create = false, createNew = false, truncate = false } = options;
    if (createNew && disk.find(at) !== undefined) throw new Error(`File exists: "${at}"`);
    const file = create || createNew ? disk.createFile(at) : disk.file(at);
    if (truncate) file.resize(0);
    const entry = disk.get(at);
    return new OpenFile(file, () => statusOf(entry));
  };
  const mkdirSync = (path: string | URL, { recursive = false }: Deno.MkdirOptions = {}) =>
    disk.makeFolder(String(path), recursive);
  const removeSync = (path: string | URL, { recursive = false }: Deno.RemoveOptions = {}) =>
    disk.remove(String(path), recursive);
  const renameSync = (from: string | URL, to: string | URL) => disk.move(String(from), String(to));
  const readFileSync = (path: string | URL) => disk.file(String(path)).bytes.slice();
  const writeTextFileSync = (path: string | URL, data: string) =>
    put(path, new TextEncoder().encode(data));
  return {
    statSync,
    lstatSync: statSync,
    openSync,
    mkdirSync,
    removeSync,
    renameSync,
    readFileSync,
    readTextFileSync: text,
    writeFileSync: put,
    writeTextFileSync,
    realPathSync: (path: string | URL) => {
      disk.get(String(path));
      return String(path);
    },
    readDirSync: (path: string | URL) =>
      disk.list(String(path)).map(({ name, entry }) => ({ name, ...statusOf(entry) })),
    truncateSync: (path: string | URL, size = 0) => disk.file(String(path)).resize(size),
    stat: deferred(statSync),
    open: deferred(openSync),
    mkdir: deferred(mkdirSync),
    remove: deferred(removeSync),
    rename: deferred(renameSync),
    readFile: deferred(readFileSync),
    readTextFile: deferred(text),
    writeFile: deferred(put),
    writeTextFile: deferred(writeTextFileSync),
    permissions: {
      querySync: ({ name }: Deno.PermissionDescriptor) => ({
        state: name === "read" || name === "write" ? "granted" : "denied",
      }),
    },
    env: { get: () => undefined },
    errors: { NotFound },
    SeekMode: { Start: 0, Current: 1, End: 2 },
    build: { os: "linux", arch: "wasm" },
    pid: 1,
    cwd: () => "/",
  };
}

/** A function whose result, or error, comes later. */
function deferred<Arguments extends unknown[], Result>(
  work: (...values: Arguments) => Result,
): (...values: Arguments) => Promise<Result> {
  // deno-lint-ignore require-await -- it turns errors into rejections
  return async (...values) => work(...values);
}

/** The disk of this page or worker. */
export const pageDisk: PageDisk = new PageDisk();

Object.assign(globalThis, { pageDeno: denoOn(pageDisk) });
