/// <reference lib="dom" />
/**
 * Keeps files of a page's disk in the browser (IndexedDB), so that they are there after a reload.
 *
 * Everything below some folders is kept in one transaction: whenever the page goes away, the browser has all of
 * the files as they were at one moment, and a run's folder is as good as after a kill.
 *
 * @module
 */

import type { PageDisk } from "./page_disk.ts";
import type { PageFile } from "./page_file.ts";

const storeName = "files";

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function open(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(storeName);
  return answer(request);
}

/** Browsers give this error a name and often no message. */
function reasonOf(error: DOMException | null): string {
  if (error?.name === "QuotaExceededError") return "the browser gives no more room";
  return error?.message || error?.name || "the browser refused it";
}

/** Files kept under a name. */
export class KeptFiles {
  readonly #database: IDBDatabase;
  readonly #disk: PageDisk;
  /** What the browser has, or is being given. */
  readonly #kept = new Map<string, { readonly file: PageFile; readonly version: number }>();

  private constructor(database: IDBDatabase, disk: PageDisk) {
    this.#database = database;
    this.#disk = disk;
  }

  /**
   * Opens what is kept and puts it on the disk.
   *
   * @throws whatever the browser says if it keeps nothing, as in some private windows
   */
  static async open(name: string, disk: PageDisk): Promise<KeptFiles> {
    const kept = new KeptFiles(await open(name), disk);
    const store = kept.#database.transaction(storeName).objectStore(storeName);
    const [paths, contents] = await Promise.all([
      answer(store.getAllKeys()) as Promise<string[]>,
      answer(store.getAll()) as Promise<Uint8Array[]>,
    ]);
    for (const [index, path] of paths.entries()) {
      disk.makeFolder(path.slice(0, path.lastIndexOf("/")), true);
      const file = disk.createFile(path);
      file.write(0, contents[index]);
      kept.#kept.set(path, { file, version: file.version });
    }
    return kept;
  }

  /**
   * Makes what is kept that which is on the disk now: what is written while the browser stores it comes the
   * next time.
   *
   * @throws Error with the browser's reason, such as that it gives no more room; the earlier state stays
   */
  save(): Promise<void> {
    const before = new Map(this.#kept);
    const transaction = this.#database.transaction(storeName, "readwrite");
    const store = transaction.objectStore(storeName);
    const paths = new Set(this.#disk.filesBelow("/"));
    for (const path of this.#kept.keys()) {
      if (paths.has(path)) continue;
      store.delete(path);
      this.#kept.delete(path);
    }
    for (const path of paths) {
      const file = this.#disk.file(path);
      const known = this.#kept.get(path);
      if (known?.file === file && known.version === file.version) continue;
      store.put(file.bytes.slice(), path);
      this.#kept.set(path, { file, version: file.version });
    }
    // At once: by itself it would wait until this thread has heard of every file.
    transaction.commit();
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => {
        this.#kept.clear();
        for (const [path, state] of before) this.#kept.set(path, state);
        reject(new Error(reasonOf(transaction.error)));
      };
    });
  }
}
