/**
 * A single writer per run directory.
 *
 * @module
 */

import { join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";

/** The file in a run directory that its writer locks. */
export const LOCK_FILE = "run.lock";

/**
 * The lock on a run directory. The operating system releases it when the process ends, however it ends, so that
 * a killed run never leaves its directory locked.
 *
 * @example
 * ```ts
 * import { RunLock } from "./run_lock.ts";
 * const directory = await Deno.makeTempDir();
 * const lock = RunLock.acquire(directory);
 * lock.release();
 * RunLock.acquire(directory).release();
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export class RunLock {
  readonly #file: Deno.FsFile;
  readonly #directory: string;
  readonly #inode: number | null;

  private constructor(file: Deno.FsFile, directory: string) {
    this.#file = file;
    this.#directory = directory;
    this.#inode = Deno.statSync(directory).ino;
  }

  /**
   * Locks the run directory, creating it if necessary. If another process is writing there, a
   * `UserError` with its process id.
   */
  static acquire(runDirectory: string): RunLock {
    const path = join(runDirectory, LOCK_FILE);
    let file: Deno.FsFile;
    try {
      Deno.mkdirSync(runDirectory, { recursive: true });
      file = Deno.openSync(path, { read: true, write: true, create: true });
    } catch (error) {
      throw new UserError(`Cannot use the run directory "${runDirectory}": ${messageOf(error)}`, {
        cause: error,
      });
    }
    if (!file.tryLockSync(true)) {
      const owner = ownerOf(file);
      file.close();
      throw new UserError(
        `Cannot write the run directory "${runDirectory}": ${owner} is writing there`,
        { hint: "wait for it, stop it, or give another directory" },
      );
    }
    file.truncateSync();
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    return new RunLock(file, runDirectory);
  }

  /** Whether the directory is still the one that was locked: not deleted, moved or recreated. */
  isHeld(): boolean {
    try {
      return Deno.statSync(this.#directory).ino === this.#inode;
    } catch (error) {
      return !(error instanceof Deno.errors.NotFound);
    }
  }

  /** Unlocks the directory. */
  release(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

function ownerOf(file: Deno.FsFile): string {
  const bytes = new Uint8Array(20);
  let count: number | null = null;
  try {
    count = file.readSync(bytes);
  } catch {
    // Windows does not let others read a locked file.
  }
  const pid = new TextDecoder().decode(bytes.subarray(0, count ?? 0)).trim();
  return /^\d+$/.test(pid) ? `process ${pid}` : "another process";
}
