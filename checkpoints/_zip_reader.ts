/**
 * Reading zip archives of stored records, as `torch.save` writes them. Compressed records are not
 * read: PyTorch compresses source code at most, and they would undo the bound on memory.
 *
 * Layout after PKWARE's APPNOTE 6.3, ZIP64 included.
 */

import { crc32 } from "node:zlib";
import type { ByteSource } from "./byte_source.ts";
import { FormatError } from "./_format_error.ts";

/** A record of the archive. */
export interface ZipRecord {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
  readonly headerOffset: number;
  /** Whether the bytes stand in the archive as they are. */
  readonly isPlain: boolean;
}

const MAX_RECORDS = 200_000;
const CHUNK_BYTES = 1 << 20;
const END_BYTES = 22;
const END64_BYTES = 56;
const LOCATOR_BYTES = 20;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;

interface Directory {
  readonly offset: number;
  readonly bytes: number;
  readonly count: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where the list of records is, from the end of the file. */
async function findDirectory(source: ByteSource): Promise<Directory> {
  const tailBytes = Math.min(source.size, END_BYTES + 0xffff);
  const tailStart = source.size - tailBytes;
  const tail = viewOf(await source.read(tailStart, tailBytes));
  for (let at = tailBytes - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== 0x06054b50) continue;
    if (at + END_BYTES + tail.getUint16(at + 20, true) !== tailBytes) continue;
    const count = tail.getUint16(at + 10, true);
    const bytes = tail.getUint32(at + 12, true);
    const offset = tail.getUint32(at + 16, true);
    const isLarge = count === 0xffff || bytes === 0xffffffff || offset === 0xffffffff;
    if (isLarge) return await findDirectory64(source, tailStart + at);
    return { offset, bytes, count };
  }
  throw new FormatError("its end is missing; the file is cut off");
}

async function findDirectory64(source: ByteSource, endOffset: number): Promise<Directory> {
  if (endOffset < LOCATOR_BYTES) throw new FormatError("its zip64 directory is missing");
  const locator = viewOf(await source.read(endOffset - LOCATOR_BYTES, LOCATOR_BYTES));
  const at = Number(locator.getBigUint64(8, true));
  if (locator.getUint32(0, true) !== 0x07064b50 || at + END64_BYTES > source.size) {
    throw new FormatError("its zip64 directory is missing");
  }
  const end = viewOf(await source.read(at, END64_BYTES));
  if (end.getUint32(0, true) !== 0x06064b50) {
    throw new FormatError("its zip64 directory is missing");
  }
  return {
    count: Number(end.getBigUint64(32, true)),
    bytes: Number(end.getBigUint64(40, true)),
    offset: Number(end.getBigUint64(48, true)),
  };
}

/** 64-bit sizes and offset of an entry, where the 32-bit fields are full. */
function largeFields(extra: DataView, fields: number[]): number[] {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const tag = extra.getUint16(at, true);
    const length = extra.getUint16(at + 2, true);
    const end = Math.min(at + 4 + length, extra.byteLength);
    at += 4;
    if (tag === 1) {
      return fields.map((field) => {
        if (field !== 0xffffffff || at + 8 > end) return field;
        at += 8;
        return Number(extra.getBigUint64(at - 8, true));
      });
    }
    at = end;
  }
  return fields;
}

function readEntry(view: DataView, at: number, fileSize: number): [ZipRecord, number] {
  if (at + ENTRY_BYTES > view.byteLength || view.getUint32(at, true) !== 0x02014b50) {
    throw new FormatError("its list of records is broken");
  }
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const nameStart = at + ENTRY_BYTES;
  const next = nameStart + nameLength + extraLength + view.getUint16(at + 32, true);
  if (next > view.byteLength) throw new FormatError("its list of records is broken");
  const name = new TextDecoder().decode(
    new Uint8Array(view.buffer, view.byteOffset + nameStart, nameLength),
  );
  const [bytes, stored, headerOffset] = largeFields(
    new DataView(view.buffer, view.byteOffset + nameStart + nameLength, extraLength),
    [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)],
  );
  const label = JSON.stringify(name.slice(0, 100));
  const isPlain = method === 0 && (flags & 1) === 0;
  if ((isPlain && bytes !== stored) || headerOffset + LOCAL_BYTES + stored > fileSize) {
    throw new FormatError(`its record ${label} claims ${bytes} bytes, which do not fit the file`);
  }
  return [{ name, bytes, crc: view.getUint32(at + 16, true), headerOffset, isPlain }, next];
}

/** The records of an archive by name. */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipRecord>> {
  const { offset, bytes, count } = await findDirectory(source);
  if (!(offset + bytes <= source.size) || count > MAX_RECORDS || count * ENTRY_BYTES > bytes) {
    throw new FormatError("its list of records is broken");
  }
  const view = viewOf(await source.read(offset, bytes));
  const records = new Map<string, ZipRecord>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const [record, next] = readEntry(view, at, source.size);
    if (records.has(record.name)) {
      throw new FormatError(`its record ${JSON.stringify(record.name.slice(0, 100))} comes twice`);
    }
    records.set(record.name, record);
    at = next;
  }
  return records;
}

/** Where a record's bytes start, after its own header has been checked. */
export async function recordStart(source: ByteSource, record: ZipRecord): Promise<number> {
  if (!record.isPlain) {
    throw new FormatError(
      `its record ${
        JSON.stringify(record.name.slice(0, 100))
      } is compressed or encrypted, which PyTorch never does with weights`,
    );
  }
  const header = viewOf(await source.read(record.headerOffset, LOCAL_BYTES));
  const nameLength = header.getUint16(26, true);
  const start = record.headerOffset + LOCAL_BYTES + nameLength + header.getUint16(28, true);
  const isHeader = header.getUint32(0, true) === 0x04034b50 && header.getUint16(8, true) === 0;
  if (!isHeader || start + record.bytes > source.size) {
    throw new FormatError(`its record ${JSON.stringify(record.name.slice(0, 100))} is broken`);
  }
  const name = await source.read(record.headerOffset + LOCAL_BYTES, nameLength);
  if (new TextDecoder().decode(name) !== record.name) {
    throw new FormatError(`its record ${JSON.stringify(record.name.slice(0, 100))} is broken`);
  }
  return start;
}

/** Checks a record's CRC without holding more than a piece of it. */
export async function checkRecord(
  source: ByteSource,
  record: ZipRecord,
  start: number,
): Promise<void> {
  let sum = 0;
  for (let at = 0; at < record.bytes; at += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, record.bytes - at);
    sum = crc32(await source.read(start + at, length), sum);
  }
  checkSum(record, sum);
}

/** A whole record in memory, its CRC checked. */
export async function readRecord(source: ByteSource, record: ZipRecord): Promise<Uint8Array> {
  const bytes = await source.read(await recordStart(source, record), record.bytes);
  checkSum(record, crc32(bytes));
  return bytes;
}

/** Compares a record's CRC with the one that the archive states. */
export function checkSum(record: ZipRecord, sum: number): void {
  if (sum >>> 0 !== record.crc) {
    throw new FormatError(`its record ${JSON.stringify(record.name.slice(0, 100))} is damaged`);
  }
}
