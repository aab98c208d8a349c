/**
 * The members of a tar archive: ustar, with GNU and pax long names.
 *
 * Written here because `tar-stream` and `modern-tar` only read archives from front to back: listing
 * a shard would read all of its images, and they provide no offsets for reading single members.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import type { ByteStore } from "./byte_store.ts";

/** One file inside an archive. */
export interface ArchiveMember {
  /** Its path in the archive, with `/`. */
  readonly name: string;
  /** Where its data (tar) or its local header (zip) starts. */
  readonly offset: number;
  /** Its size in the archive, in bytes. */
  readonly size: number;
  /** Its uncompressed size, if it is compressed. */
  readonly unpacked?: number;
  /** Why it cannot be read, if known. */
  readonly missing?: string;
}

/** The path without a leading `./` and with forward slashes only. */
export function cleanName(name: string): string {
  return name.replaceAll("\\", "/").replace(/^(\.?\/)+/, "");
}

const block = 512;
/** Headers are close together in archives of small files: read them in one go. */
const windowBytes = 1 << 16;

const text = new TextDecoder();

function readString(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return text.decode(end < 0 ? field : field.subarray(0, end));
}

/** A number field: octal digits, or GNU's base 256 if the first bit is set. */
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

/** The values of a pax header: records of "length key=value\n". */
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

/** A link, resolved once all members are known, since its target may come later. */
interface Link {
  /** Of the member. */
  readonly position: number;
  /** Its target: a path in the archive, or undefined if it points outside. */
  readonly target: string | undefined;
  /** As written. */
  readonly written: string;
}

/** The path in the archive that a symbolic link points to. */
function symlinkTarget(from: string, written: string): string | undefined {
  if (written.startsWith("/")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of written.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

/** Gives links the data of their targets, link by link; cycles and dangling links cannot be read. */
function resolveLinks(members: ArchiveMember[], links: readonly Link[]): void {
  if (links.length === 0) return;
  const places = new Map(members.map(({ name }, position) => [name, position]));
  const linkAt = new Map(links.map((link) => [link.position, link]));
  for (const { position, written } of links) {
    let [at, steps]: [number | undefined, number] = [position, 0];
    for (let link = linkAt.get(position); link !== undefined; link = linkAt.get(at ?? -1)) {
      at = ++steps > mostLinks || link.target === undefined ? undefined : places.get(link.target);
    }
    const { name } = members[position];
    if (at !== undefined) {
      const { offset, size, missing } = members[at];
      members[position] = { name, offset, size, ...(missing === undefined ? {} : { missing }) };
      continue;
    }
    const missing = `it is a link to "${written}", which is not a file in the archive`;
    members[position] = { name, offset: 0, size: 0, missing };
  }
}

/** Maximum length of a chain of links; a cycle exceeds it. */
const mostLinks = 40;

/** Names and other fields from GNU and pax headers. */
const mostHeaderBytes = 1 << 20;

/** The files in a tar archive in order, including links. */
export function indexTar(store: ByteStore, name: string): ArchiveMember[] {
  const members: ArchiveMember[] = [];
  const links: Link[] = [];
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
  // What headers say about the member that follows them.
  let next: { name?: string; link?: string; size?: number } = {};
  let offset = 0;
  while (offset + block <= store.size) {
    const header = readBlock(offset);
    if (header.length < block) break;
    if (header[0] === 0 && header.every((byte) => byte === 0)) break;
    if (!hasChecksum(header)) throw broken(offset, "no valid header");
    const type = String.fromCharCode(header[156]);
    // Links, devices and folders have no data, whatever their size field says.
    const size = /[1-6]/.test(type) ? 0 : next.size ?? readNumber(header, 124, 12);
    const data = offset + block;
    if (!Number.isSafeInteger(size) || size < 0 || data + size > store.size) {
      throw broken(offset, "a member is truncated");
    }
    const isHeader = "LKxg".includes(type);
    if (isHeader && size > mostHeaderBytes) throw broken(offset, "an endless header");
    if (type === "L") next.name = readString(store.read(data, size), 0, size);
    else if (type === "K") next.link = readString(store.read(data, size), 0, size);
    else if (type === "x") {
      const values = paxValues(store.read(data, size));
      const paxSize = values.get("size");
      next = {
        ...next,
        ...(values.has("path") ? { name: values.get("path")! } : {}),
        ...(values.has("linkpath") ? { link: values.get("linkpath")! } : {}),
        ...(paxSize === undefined ? {} : { size: Number(paxSize) }),
      };
    } else if (!isHeader) {
      const isUstar = readString(header, 257, 5) === "ustar";
      const prefix = isUstar && header[262] === 0 ? readString(header, 345, 155) : "";
      const short = readString(header, 0, 100);
      const path = cleanName(next.name ?? (prefix === "" ? short : `${prefix}/${short}`));
      const written = next.link ?? readString(header, 157, 100);
      const isLink = type === "1" || type === "2";
      if (isLink) {
        const target = type === "1" ? cleanName(written) : symlinkTarget(path, written);
        links.push({ position: members.length, target, written });
      }
      const isSparse = type === "S";
      const missing = isSparse ? { missing: "it is stored with holes (GNU's sparse format)" } : {};
      if (isLink || isSparse || type === "0" || type === "\0" || type === "7") {
        members.push({ name: path, offset: data, size, ...missing });
      }
      next = {};
    }
    offset = data + Math.ceil(size / block) * block;
  }
  resolveLinks(members, links);
  return members;
}
