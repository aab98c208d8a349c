/**
 * The members of a tar archive: ustar, with the long names of GNU and pax.
 *
 * Own code, because `tar-stream` and `modern-tar` only read archives from front to back: listing a
 * shard would read all of its pictures, and they give no offsets to read single members by.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import type { ByteStore } from "./_byte_store.ts";

/** One file inside an archive. */
export interface ArchiveMember {
  /** Its path in the archive, with `/`. */
  readonly name: string;
  /** Where its data (tar) or its local header (zip) starts. */
  readonly offset: number;
  /** Bytes that its data takes in the archive. */
  readonly size: number;
}

/** The path without `./` in front and with forward slashes only. */
export function cleanName(name: string): string {
  return name.replaceAll("\\", "/").replace(/^(\.?\/)+/, "");
}

const block = 512;
/** Headers lie close together in archives of small files: read them in one go. */
const windowBytes = 1 << 16;

const text = new TextDecoder();

function readString(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return text.decode(end < 0 ? field : field.subarray(0, end));
}

/** A number field: octal digits, or GNU's base 256 where the first bit is set. */
function readNumber(bytes: Uint8Array, from: number, length: number): number {
  if ((bytes[from] & 0x80) !== 0) {
    let value = bytes[from] & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + bytes[from + i];
    return value;
  }
  const digits = readString(bytes, from, length).trim();
  return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

function hasChecksum(header: Uint8Array): boolean {
  let sum = 8 * 0x20;
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += header[i];
  return sum === readNumber(header, 148, 8);
}

/** The value of `path` or `size` in a pax header: records of "length key=value\n". */
function paxValues(bytes: Uint8Array): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(0x20, at);
    const length = blank < 0 ? NaN : Number(text.decode(bytes.subarray(at, blank)));
    if (!(length > 0)) break;
    const record = text.decode(bytes.subarray(blank + 1, at + length - 1));
    const equals = record.indexOf("=");
    values.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return values;
}

/** Whether the first block looks like a tar header. */
export function isTar(head: Uint8Array): boolean {
  return head.length >= block && hasChecksum(head.subarray(0, block));
}

/** The regular files of a tar archive in their order. */
export function indexTar(store: ByteStore, name: string): ArchiveMember[] {
  const members: ArchiveMember[] = [];
  let window = new Uint8Array(0);
  let windowStart = 0;
  const readBlock = (offset: number) => {
    if (offset < windowStart || offset + block > windowStart + window.length) {
      window = new Uint8Array(store.read(offset, windowBytes));
      windowStart = offset;
    }
    return window.subarray(offset - windowStart, offset - windowStart + block);
  };
  const broken = (offset: number, what: string) =>
    new UserError(`Cannot read tar archive "${name}": ${what} at byte ${offset}`);
  let longName: string | undefined;
  let longSize: number | undefined;
  let offset = 0;
  while (offset + block <= store.size) {
    const header = readBlock(offset);
    if (header[0] === 0 && header.every((byte) => byte === 0)) return members;
    if (!hasChecksum(header)) throw broken(offset, "no valid header");
    const type = String.fromCharCode(header[156]);
    const size = longSize ?? readNumber(header, 124, 12);
    const data = offset + block;
    if (!(size >= 0) || data + size > store.size) throw broken(offset, "a member is cut off");
    if (type === "L") {
      longName = readString(store.read(data, size), 0, size);
    } else if (type === "x") {
      const values = paxValues(store.read(data, size));
      longName = values.get("path") ?? longName;
      const paxSize = values.get("size");
      longSize = paxSize === undefined ? undefined : Number(paxSize);
    } else {
      if (type === "0" || type === "\0" || type === "7") {
        const isUstar = readString(header, 257, 5) === "ustar";
        const prefix = isUstar && header[262] === 0 ? readString(header, 345, 155) : "";
        const short = readString(header, 0, 100);
        const path = longName ?? (prefix === "" ? short : `${prefix}/${short}`);
        members.push({ name: cleanName(path), offset: data, size });
      }
      longName = longSize = undefined;
    }
    offset = data + Math.ceil(size / block) * block;
  }
  return members;
}
