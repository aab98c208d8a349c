/**
 * A file system in a page's memory. The program reads and writes paths; in a page, those of dropped files and of
 * runs lead here, so that everything that works on files works in a page.
 *
 * @module
 */

import { PageFile } from "./page_file.ts";

/** What went wrong, named as Deno names it; the program tells a missing file from anything else by its class. */
export class NotFound extends Error {
  override readonly name = "NotFound";
}

/** A folder or a file. */
export interface DiskEntry {
  /** Identifies it, wherever it is moved. */
  readonly id: number;
  /** The contents of a file; null for a folder. */
  readonly file: PageFile | null;
}

/** A path from the root without `.`, `..` and doubled or trailing slashes; the root itself is `""`. */
export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.map((part) => `/${part}`).join("");
}

/**
 * A file system; all paths start at its root.
 *
 * @example
 * ```ts
 * import { PageDisk } from "./page_disk.ts";
 * const disk = new PageDisk();
 * disk.makeFolder("/a/b", true);
 * disk.createFile("/a/b/c").write(0, new TextEncoder().encode("hello"));
 * disk.move("/a/b", "/d");
 * if (disk.get("/d/c").file?.size !== 5 || disk.find("/a/b") !== undefined) throw new Error();
 * ```
 */
export class PageDisk {
  readonly #entries = new Map<string, DiskEntry>([["", { id: 0, file: null }]]);
  #nextId = 1;

  /** What is at a path; undefined if nothing is. */
  find(path: string): DiskEntry | undefined {
    return this.#entries.get(normalPath(path));
  }

  /** What is at a path; throws {@link NotFound} if nothing is. */
  get(path: string): DiskEntry {
    const entry = this.find(path);
    if (entry === undefined) throw new NotFound(`No such file or directory: "${path}"`);
    return entry;
  }

  /** The file at a path; throws if it is missing or a folder. */
  file(path: string): PageFile {
    const { file } = this.get(path);
    if (file === null) throw new Error(`Is a directory: "${path}"`);
    return file;
  }

  /** Names in a folder, sorted, each with what it is. */
  list(path: string): { readonly name: string; readonly entry: DiskEntry }[] {
    if (this.get(path).file !== null) throw new Error(`Not a directory: "${path}"`);
    const prefix = `${normalPath(path)}/`;
    return [...this.#entries]
      .filter(([at]) => at.startsWith(prefix) && !at.includes("/", prefix.length))
      .map(([at, entry]) => ({ name: at.slice(prefix.length), entry }))
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** Paths of all files at or below a path, sorted. */
  filesBelow(path: string): string[] {
    return this.#below(path).filter((at) => this.#entries.get(at)!.file !== null).sort();
  }

  /** Creates a folder; `withParents`: also those above it, and one that is there is kept. */
  makeFolder(path: string, withParents = false): void {
    const at = normalPath(path);
    const found = this.#entries.get(at);
    if (found !== undefined) {
      if (withParents && found.file === null) return;
      throw new Error(`File exists: "${path}"`);
    }
    const parent = parentOf(at);
    if (withParents) this.makeFolder(parent, true);
    this.#requireFolder(parent);
    this.#entries.set(at, { id: this.#nextId++, file: null });
  }

  /** Creates an empty file, or returns the one that is there. */
  createFile(path: string): PageFile {
    const at = normalPath(path);
    if (this.#entries.has(at)) return this.file(at);
    this.#requireFolder(parentOf(at));
    const file = new PageFile();
    this.#entries.set(at, { id: this.#nextId++, file });
    return file;
  }

  /** Moves a file, replacing one that is there, or a folder with everything in it. */
  move(from: string, to: string): void {
    const [source, target] = [normalPath(from), normalPath(to)];
    const { file } = this.get(from);
    this.#requireFolder(parentOf(target));
    const there = this.#entries.get(target);
    if (there !== undefined && (file === null || there.file === null)) {
      throw new Error(`File exists: "${to}"`);
    }
    for (const path of this.#below(source)) {
      const entry = this.#entries.get(path)!;
      this.#entries.delete(path);
      this.#entries.set(target + path.slice(source.length), entry);
    }
  }

  /** Removes a file or a folder; one that is not empty only with everything in it. */
  remove(path: string, withContents = false): void {
    this.get(path);
    const gone = this.#below(path);
    if (gone.length > 1 && !withContents) throw new Error(`Directory not empty: "${path}"`);
    for (const at of gone) if (at !== "") this.#entries.delete(at);
  }

  #below(path: string): string[] {
    const at = normalPath(path);
    return [...this.#entries.keys()].filter((key) => key === at || key.startsWith(`${at}/`));
  }

  #requireFolder(path: string): void {
    if (this.get(path).file !== null) throw new Error(`Not a directory: "${path}"`);
  }
}

/** The folder that a normal path is in. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
