/**
 * A file of JSON lines that a run appends to, each with the `step` at which it was written. Whatever
 * kills the process, the file is a list of whole lines again as soon as it is opened.
 *
 * @module
 */

import { messageOf, UserError } from "../../core/errors.ts";
import { writeError } from "./disk_space.ts";

/** A record of a log. */
export interface LogRecord {
  /** Completed optimizer steps; never fewer than in the previous line. */
  readonly step: number;
  readonly [name: string]: unknown;
}

const newline = 10;
/** Bytes read at a time. */
const chunkBytes = 1 << 16;
const markBytes = 256;

/** An open log. */
export class AppendLog {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #size: number;

  private constructor(path: string, file: Deno.FsFile, size: number) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens a log to continue after a step. Anything a killed process wrote after it, and a half-written last
   * line, are cut off: a resumed run repeats all of that.
   *
   * @param step number of completed steps; 0 empties the log
   * @param length of the log in bytes when those steps were saved, if known
   */
  static open(path: string, step: number, length?: number): AppendLog {
    try {
      const file = Deno.openSync(path, { read: true, write: true, create: true });
      const isKnown = length !== undefined && endsLine(file, length);
      const size = step === 0 ? 0 : isKnown ? length : endOfStep(file, step);
      file.truncateSync(size);
      file.seekSync(size, Deno.SeekMode.Start);
      return new AppendLog(path, file, size);
    } catch (error) {
      throw writeError(`open "${path}"`, error);
    }
  }

  /** Appends one line; if that fails, for instance because the disk is full, nothing of it remains. */
  append(record: LogRecord): void {
    const line = new TextEncoder().encode(JSON.stringify(record) + "\n");
    try {
      for (let rest = line; rest.length > 0;) rest = rest.subarray(this.#file.writeSync(rest));
      this.#size += line.length;
    } catch (error) {
      this.#file.truncateSync(this.#size);
      this.#file.seekSync(this.#size, Deno.SeekMode.Start);
      throw writeError(`write "${this.#path}"`, error);
    }
  }

  /** The length of all lines in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Waits until all lines are on disk. */
  flush(): void {
    this.#file.syncDataSync();
  }

  close(): void {
    this.#file.close();
  }
}

/** Whether a line of a file ends there: not if somebody has edited it. */
function endsLine(file: Deno.FsFile, length: number): boolean {
  if (length === 0) return true;
  return file.statSync().size >= length && readRange(file, length - 1, length)[0] === newline;
}

/** The end of the last whole line for a step up to `step`, searching backwards. */
function endOfStep(file: Deno.FsFile, step: number): number {
  let end = file.statSync().size;
  while (end > 0) {
    const start = startOfLine(file, end);
    const line = readRange(file, start, end);
    if (line[line.length - 1] === newline && stepOf(line) <= step) return end;
    end = start;
  }
  return 0;
}

/** The first byte of the line that ends before `end`. */
function startOfLine(file: Deno.FsFile, end: number): number {
  // The newline at `end` - 1 is the line's own.
  let searched = end - 1;
  while (searched > 0) {
    const from = Math.max(0, searched - chunkBytes);
    const found = readRange(file, from, searched).lastIndexOf(newline);
    if (found >= 0) return from + found + 1;
    searched = from;
  }
  return 0;
}

function readRange(file: Deno.FsFile, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  file.seekSync(start, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function stepOf(line: Uint8Array<ArrayBuffer>): number {
  return parseRecord(new TextDecoder().decode(line))?.step ?? Infinity;
}

/** The last whole record of a log, searching backwards; null if there is none. */
export function lastRecord(path: string): LogRecord | null {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UserError(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
  try {
    let end = file.statSync().size;
    while (end > 0) {
      const start = startOfLine(file, end);
      const line = readRange(file, start, end);
      const isWhole = line[line.length - 1] === newline;
      const record = isWhole ? parseRecord(new TextDecoder().decode(line)) : null;
      if (record !== null) return record;
      end = start;
    }
    return null;
  } finally {
    file.close();
  }
}

/**
 * Reads a log that another process may be writing to, continuing where the last read ended.
 *
 * @example Only whole lines, each of them once
 * ```ts
 * import { LogReader } from "./append_log.ts";
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, '{"step":1}\n{"step":2}\n{"st');
 * const reader = new LogReader(path);
 * const steps = [...reader.read()].map(({ step }) => step);
 * await Deno.writeTextFile(path, 'ep":3}\n', { append: true });
 * steps.push(...[...reader.read()].map(({ step }) => step));
 * if (steps.join() !== "1,2,3") throw new Error(steps.join());
 * await Deno.remove(path);
 * ```
 */
export class LogReader {
  readonly #path: string;
  #offset = 0;
  /** The last bytes before the offset, which identify a rewritten file. */
  #mark = new Uint8Array();
  #rest = new Uint8Array();

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Whether what was read is no longer there, for instance because the run was resumed from an earlier step;
   * the file must then be read with a new reader.
   */
  get isStale(): boolean {
    if (this.#offset === 0) return false;
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(this.#path);
    } catch {
      return true;
    }
    try {
      const found = readRange(file, this.#offset - this.#mark.length, this.#offset);
      return found.length < this.#mark.length || found.some((byte, i) => byte !== this.#mark[i]);
    } finally {
      file.close();
    }
  }

  /** The lines added since the last read; lines that are not records are skipped. */
  *read(): Generator<LogRecord> {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw new UserError(`Cannot read "${this.#path}": ${messageOf(error)}`, { cause: error });
    }
    try {
      file.seekSync(this.#offset, Deno.SeekMode.Start);
      const chunk = new Uint8Array(chunkBytes);
      for (let count = file.readSync(chunk); count !== null; count = file.readSync(chunk)) {
        this.#offset += count;
        const bytes = new Uint8Array(this.#rest.length + count);
        bytes.set(this.#rest);
        bytes.set(chunk.subarray(0, count), this.#rest.length);
        this.#mark = bytes.slice(-markBytes);
        const end = bytes.lastIndexOf(newline) + 1;
        this.#rest = bytes.slice(end);
        for (const line of new TextDecoder().decode(bytes.subarray(0, end)).split("\n")) {
          const record = parseRecord(line);
          if (record !== null) yield record;
        }
      }
    } finally {
      file.close();
    }
  }
}

function parseRecord(line: string): LogRecord | null {
  if (line.trim() === "") return null;
  try {
    const record = JSON.parse(line);
    return typeof record?.step === "number" ? record : null;
  } catch {
    return null;
  }
}
