/**
 * TensorBoard's event files as a list of records (TensorFlow's record format): the length and the content, each
 * followed by a masked CRC-32C.
 *
 * Written here because no library writes them in Deno: those on npm bind to TensorFlow's C++ library. The
 * contents of a record are up to `report/tensorboard/`.
 *
 * @module
 */

import { basename, join } from "node:path";
import { writeError } from "./disk_space.ts";

const namePattern = /^events\.out\.tfevents\.(\d+)\.mimic$/;

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0x82f63b78 ^ (value >>> 1) : value >>> 1;
  return value;
});

/**
 * CRC-32C (Castagnoli) of bytes.
 *
 * @example The polynomial's check value
 * ```ts
 * import { crc32c } from "./event_file.ts";
 * const sum = crc32c(new TextEncoder().encode("123456789"));
 * if (sum !== 0xe3069283) throw new Error(sum.toString(16));
 * ```
 */
export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = table[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** As TensorFlow stores it: a checksum over bytes that contain checksums would be too regular. */
function masked(sum: number): number {
  return ((sum >>> 15 | sum << 17) + 0xa282ead8) >>> 0;
}

/** A record as stored in a file. */
export function frameRecord(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(content.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(content.length), true);
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(content, 12);
  view.setUint32(content.length + 12, masked(crc32c(content)), true);
  return bytes;
}

/** The complete, undamaged records at the start of a file, each with its end position. */
export function* readRecords(
  bytes: Uint8Array<ArrayBuffer>,
): Generator<{ readonly content: Uint8Array; readonly end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + length + 16;
    if (view.getUint32(at + 8, true) !== masked(crc32c(bytes.subarray(at, at + 8)))) return;
    if (end > bytes.length) return;
    const content = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(end - 4, true) !== masked(crc32c(content))) return;
    yield { content, end };
    at = end;
  }
}

/** The step of an encoded `Event`: its field 2, a varint; 0 if it has none. */
function stepOf(event: Uint8Array): number {
  // Field 1, the time, is a double: a tag and eight bytes.
  let at = event[0] === 0x09 ? 9 : 0;
  if (event[at++] !== 0x10) return 0;
  let [step, scale] = [0, 1];
  for (;; at++, scale *= 128) {
    step += (event[at] & 0x7f) * scale;
    if (event[at] < 0x80) return step;
  }
}

/** A run's event files, oldest first. */
function listEventFiles(directory: string): { path: string; number: number }[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name }) => {
    const match = namePattern.exec(name);
    return match === null ? [] : [{ path: join(directory, name), number: Number(match[1]) }];
  }).sort((a, b) => a.number - b.number);
}

/** Cuts off everything in a file after a step, and a half-written end. */
function cut(path: string, step: number): void {
  let end = 0;
  for (const record of readRecords(Deno.readFileSync(path))) {
    if (stepOf(record.content) > step) break;
    end = record.end;
  }
  Deno.truncateSync(path, end);
}

/** How far a run's event files went when a checkpoint was saved. */
export interface EventFilePosition {
  /** Name of the file being written at the time. */
  readonly name: string;
  readonly bytes: number;
}

/** Truncates a run's event files to a position; returns false if the position does not belong to them. */
function cutAt(files: readonly { path: string }[], { name, bytes }: EventFilePosition): boolean {
  const last = files.findIndex(({ path }) => basename(path) === name);
  if (last < 0 || Deno.statSync(files[last].path).size < bytes) return false;
  for (const { path } of files.slice(last + 1)) Deno.removeSync(path);
  Deno.truncateSync(files[last].path, bytes);
  return true;
}

/** An event file that is open for writing. */
export class EventFile {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #size = 0;

  private constructor(path: string) {
    this.path = path;
    this.#file = Deno.openSync(path, { write: true, createNew: true });
  }

  /**
   * Starts a new file in a run's directory; each session has its own, so that a running TensorBoard finds it.
   * Anything after `step` in earlier files is cut off, since the run repeats it.
   *
   * @param step number of completed steps; 0 removes the earlier files
   * @param position of the files when those steps were saved, if known
   */
  static open(directory: string, step: number, position?: EventFilePosition): EventFile {
    try {
      const earlier = listEventFiles(directory);
      const isCut = step > 0 && position !== undefined && cutAt(earlier, position);
      for (const { path } of isCut ? [] : earlier) {
        if (step === 0) Deno.removeSync(path);
        else cut(path, step);
      }
      const number = (earlier.at(-1)?.number ?? 0) + 1;
      const name = `events.out.tfevents.${String(number).padStart(10, "0")}.mimic`;
      return new EventFile(join(directory, name));
    } catch (error) {
      throw writeError(`write TensorBoard's events to "${directory}"`, error);
    }
  }

  /** Where the next record will go. */
  get position(): EventFilePosition {
    return { name: basename(this.path), bytes: this.#size };
  }

  /**
   * Appends an encoded event; if that fails, for instance because the disk is full, nothing of it
   * remains.
   */
  append(event: Uint8Array): void {
    const record = frameRecord(event);
    try {
      for (let rest = record; rest.length > 0;) rest = rest.subarray(this.#file.writeSync(rest));
      this.#size += record.length;
    } catch (error) {
      this.#file.truncateSync(this.#size);
      this.#file.seekSync(this.#size, Deno.SeekMode.Start);
      throw writeError(`write "${this.path}"`, error);
    }
  }

  close(): void {
    this.#file.close();
  }
}
