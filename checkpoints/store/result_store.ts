/**
 * Results of many parts in one folder, which several processes may work on concurrently.
 *
 * ```
 * ROOT/a/b.json    the result of part "a/b"
 * ROOT/a/b.lock    locked by the process that works on it
 * ROOT/a/b/        its run directory, if it has one
 * ```
 *
 * @module
 */

import { dirname, join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";

/** A part that this process is working on. */
export interface PartLock {
  release(): void;
}

/**
 * The results under a folder.
 *
 * @example
 * ```ts
 * import { ResultStore } from "./result_store.ts";
 * const store = new ResultStore(await Deno.makeTempDir());
 * store.write("small/first", { top1: 0.5 });
 * if ((store.read("small/first") as { top1: number }).top1 !== 0.5) throw new Error();
 * const lock = store.tryLock("small/second");
 * if (lock === null || store.tryLock("small/second") !== null) throw new Error();
 * lock.release();
 * await Deno.remove(store.root, { recursive: true });
 * ```
 */
export class ResultStore {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The run directory of a part. */
  directoryOf(id: string): string {
    return join(this.root, id);
  }

  /** A part's stored result; null if there is none. */
  read(id: string): unknown {
    const file = join(this.root, `${id}.json`);
    return readJsonFile(file);
  }

  /** Replaces the result of a part atomically. */
  write(id: string, value: unknown): void {
    writeTextFile(join(this.root, `${id}.json`), JSON.stringify(value, null, 2) + "\n");
  }

  /** Claims a part for this process; null if another one is working on it. */
  tryLock(id: string): PartLock | null {
    const path = join(this.root, `${id}.lock`);
    let file: Deno.FsFile;
    try {
      Deno.mkdirSync(dirname(path), { recursive: true });
      file = Deno.openSync(path, { write: true, create: true });
    } catch (error) {
      throw new UserError(`Cannot write "${path}": ${messageOf(error)}`, { cause: error });
    }
    // The operating system frees it when the process ends, however it ends.
    if (file.tryLockSync(true)) return { release: () => file.close() };
    file.close();
    return null;
  }
}

/** Reads a JSON file; null if there is none. */
export function readJsonFile(file: string): unknown {
  const text = readTextFile(file);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`Cannot read "${file}": ${messageOf(error)}`, { cause: error });
  }
}

/** Reads a text file; null if there is none. */
export function readTextFile(file: string): string | null {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UserError(`Cannot read "${file}": ${messageOf(error)}`, { cause: error });
  }
}

/** Writes a text file atomically, creating its folder: a reader sees the old text or the new one. */
export function writeTextFile(file: string, text: string): void {
  const aside = `${file}.${Deno.pid}.tmp`;
  try {
    Deno.mkdirSync(dirname(file), { recursive: true });
    Deno.writeTextFileSync(aside, text);
    Deno.renameSync(aside, file);
  } catch (error) {
    throw new UserError(`Cannot write "${file}": ${messageOf(error)}`, { cause: error });
  }
}
