/**
 * Reads zip archives of stored records, as `torch.save` writes them. Compressed records are not
 * supported: PyTorch compresses source code at most, and they would defeat the bound on memory.
 */

import { crc32 } from "node:zlib";
import {
  readLocalHeader,
  readZipEntries,
  type ZipEntry,
  ZipError,
} from "../../core/zip_directory.ts";
import type { ByteSource } from "../tensors/byte_source.ts";
import { FormatError } from "../format_error.ts";

/** A record in the archive. */
export type ZipRecord = ZipEntry;

const MAX_RECORDS = 200_000;
const CHUNK_BYTES = 1 << 20;

const quoted = (name: string) => JSON.stringify(name.slice(0, 100));

async function asFormatError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof ZipError ? new FormatError(error.message) : error;
  }
}

/** The records of an archive by name. */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipRecord>> {
  const records = new Map<string, ZipRecord>();
  for (const record of await asFormatError(readZipEntries(source, MAX_RECORDS))) {
    if (records.has(record.name)) {
      throw new FormatError(`its record ${quoted(record.name)} occurs twice`);
    }
    records.set(record.name, record);
  }
  return records;
}

/** Where a record's bytes start, after checking its own header. */
export async function recordStart(source: ByteSource, record: ZipRecord): Promise<number> {
  const { name, method, isEncrypted } = record;
  if (method !== 0 || isEncrypted) {
    throw new FormatError(
      `its record ${
        quoted(name)
      } is compressed or encrypted, which PyTorch never does with weights`,
    );
  }
  const header = await asFormatError(readLocalHeader(source, record));
  const found = await source.read(header.nameStart, header.nameLength);
  if (header.method !== 0 || new TextDecoder().decode(found) !== name) {
    throw new FormatError(`its record ${quoted(name)} is broken`);
  }
  return header.start;
}

/** Checks a record's CRC, holding only a chunk of it at a time. */
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

/** A whole record in memory, with its CRC checked. */
export async function readRecord(source: ByteSource, record: ZipRecord): Promise<Uint8Array> {
  const bytes = await source.read(await recordStart(source, record), record.bytes);
  checkSum(record, crc32(bytes));
  return bytes;
}

/** Compares a record's CRC with the one stated in the archive. */
export function checkSum(record: ZipRecord, sum: number): void {
  if (sum >>> 0 !== record.crc) {
    throw new FormatError(`its record ${quoted(record.name)} is damaged`);
  }
}
