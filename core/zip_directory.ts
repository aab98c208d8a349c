/**
 * The directory of a zip archive, including ZIP64, after PKWARE's APPNOTE 6.3.
 *
 * Written here because members are read by offset, in workers and through range requests: `@zip.js/zip.js` 2.24
 * took 2 s to list 25 000 members and 2 ms to read one, and neither it, `yauzl` nor `unzipit` provides offsets
 * that can be passed to another thread without the whole directory.
 *
 * @module
 */

/** Bytes that can be read at any offset; reads past the end return fewer. */
export interface ZipBytes {
  readonly size: number;
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** A member of the archive, as listed in its directory. */
export interface ZipEntry {
  readonly name: string;
  /** Its uncompressed size, and its size in the archive. */
  readonly bytes: number;
  readonly packed: number;
  readonly crc: number;
  readonly headerOffset: number;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly isEncrypted: boolean;
}

/** What is wrong with an archive, phrased as the end of a sentence. */
export class ZipError extends Error {
  override name = "ZipError";
}

const endBytes = 22, end64Bytes = 56, locatorBytes = 20, entryBytes = 46, localBytes = 30;
const endSignature = 0x06054b50, end64Signature = 0x06064b50, locatorSignature = 0x07064b50;
const entrySignature = 0x02014b50, localSignature = 0x04034b50;
/** Fields that do not fit are all ones, and their values are in the ZIP64 field. */
const full16 = 0xffff, full32 = 0xffffffff;

interface Directory {
  readonly offset: number;
  readonly bytes: number;
  readonly count: number;
}

async function viewAt(file: ZipBytes, offset: number, length: number, what: string) {
  const isInside = Number.isSafeInteger(offset) && offset >= 0 && offset + length <= file.size;
  if (!isInside) throw new ZipError(`its ${what} is missing`);
  const bytes = await file.read(offset, length);
  if (bytes.length < length) throw new ZipError(`its ${what} is truncated`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Finds the directory from the record at the end of the archive. */
async function findDirectory(file: ZipBytes): Promise<Directory> {
  const length = Math.min(file.size, endBytes + full16);
  const start = file.size - length;
  const tail = await viewAt(file, start, length, "end");
  for (let at = length - endBytes; at >= 0; at--) {
    if (tail.getUint32(at, true) !== endSignature) continue;
    if (at + endBytes + tail.getUint16(at + 20, true) > length) continue;
    const count = tail.getUint16(at + 10, true);
    const bytes = tail.getUint32(at + 12, true);
    const offset = tail.getUint32(at + 16, true);
    const isLarge = count === full16 || bytes === full32 || offset === full32;
    return isLarge
      ? await findDirectory64(file, start + at) ?? { offset, bytes, count }
      : { offset, bytes, count };
  }
  throw new ZipError("its end is missing; the file is truncated");
}

/** Undefined if there is no ZIP64 record: a field may be all ones by chance. */
async function findDirectory64(file: ZipBytes, end: number): Promise<Directory | undefined> {
  const what = "zip64 directory";
  if (end < locatorBytes) return undefined;
  const locator = await viewAt(file, end - locatorBytes, locatorBytes, what);
  if (locator.getUint32(0, true) !== locatorSignature) return undefined;
  const record = await viewAt(file, Number(locator.getBigUint64(8, true)), end64Bytes, what);
  if (record.getUint32(0, true) !== end64Signature) throw new ZipError(`its ${what} is missing`);
  return {
    count: Number(record.getBigUint64(32, true)),
    bytes: Number(record.getBigUint64(40, true)),
    offset: Number(record.getBigUint64(48, true)),
  };
}

/** The fields of an entry; those that are all ones come from its ZIP64 field. */
function widen(extra: DataView, fields: readonly number[]): number[] {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const end = Math.min(at + 4 + extra.getUint16(at + 2, true), extra.byteLength);
    let from = at + 4;
    if (extra.getUint16(at, true) === 1) {
      return fields.map((field) => {
        if (field !== full32 || from + 8 > end) return field;
        from += 8;
        return Number(extra.getBigUint64(from - 8, true));
      });
    }
    at = end;
  }
  return [...fields];
}

/** A name in a message. */
const quoted = (name: string) => JSON.stringify(name.slice(0, 100));

function readEntry(view: DataView, at: number, fileSize: number): [ZipEntry, next: number] {
  const isEntry = at + entryBytes <= view.byteLength && view.getUint32(at, true) === entrySignature;
  if (!isEntry) throw new ZipError("its directory is corrupt");
  const nameEnd = at + entryBytes + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const next = extraEnd + view.getUint16(at + 32, true);
  if (next > view.byteLength) throw new ZipError("its directory is corrupt");
  const part = (from: number, to: number) =>
    new Uint8Array(view.buffer, view.byteOffset + from, to - from);
  const name = new TextDecoder().decode(part(at + entryBytes, nameEnd));
  const extra = new DataView(view.buffer, view.byteOffset + nameEnd, extraEnd - nameEnd);
  const fields = [24, 20, 42].map((offset) => view.getUint32(at + offset, true));
  const [bytes, packed, headerOffset] = widen(extra, fields);
  const method = view.getUint16(at + 10, true);
  const isEncrypted = (view.getUint16(at + 8, true) & 1) === 1;
  const isStored = method === 0 && !isEncrypted;
  if ((isStored && bytes !== packed) || !(headerOffset + localBytes + packed <= fileSize)) {
    throw new ZipError(
      `its member ${quoted(name)} claims ${bytes} bytes, which do not fit the file`,
    );
  }
  const crc = view.getUint32(at + 16, true);
  return [{ name, bytes, packed, crc, headerOffset, method, isEncrypted }, next];
}

/**
 * The members of an archive in directory order, including folders.
 *
 * @param most maximum number of members
 * @throws ZipError if it is not an archive, or is truncated or inconsistent
 *
 * @example
 * ```ts
 * import { readZipEntries } from "./zip_directory.ts";
 * const empty = new Uint8Array(22);
 * empty.set([0x50, 0x4b, 5, 6]);
 * const read = (offset: number, length: number) => empty.slice(offset, offset + length);
 * if ((await readZipEntries({ size: 22, read }, 10)).length !== 0) throw new Error();
 * ```
 */
export async function readZipEntries(file: ZipBytes, most: number): Promise<ZipEntry[]> {
  const { offset, bytes, count } = await findDirectory(file);
  if (count > most || !(count * entryBytes <= bytes)) {
    throw new ZipError("its directory is corrupt");
  }
  const view = await viewAt(file, offset, bytes, "directory");
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    const [entry, next] = readEntry(view, at, file.size);
    entries.push(entry);
    at = next;
  }
  return entries;
}

/** What precedes the data of a member. */
export interface LocalHeader {
  /** Where the data begins. */
  readonly start: number;
  /** Where the member's name is. */
  readonly nameStart: number;
  readonly nameLength: number;
  readonly method: number;
  readonly isEncrypted: boolean;
}

/**
 * Reads the header that precedes a member's data.
 *
 * @throws ZipError if there is none, or the data would extend beyond the archive's end
 */
export async function readLocalHeader(
  file: ZipBytes,
  { headerOffset, packed }: Pick<ZipEntry, "headerOffset" | "packed">,
): Promise<LocalHeader> {
  const header = await viewAt(file, headerOffset, localBytes, "member");
  if (header.getUint32(0, true) !== localSignature) {
    throw new ZipError("it has no member where its directory says");
  }
  const nameLength = header.getUint16(26, true);
  const nameStart = headerOffset + localBytes;
  const start = nameStart + nameLength + header.getUint16(28, true);
  if (!(start + packed <= file.size)) throw new ZipError("a member is truncated");
  const isEncrypted = (header.getUint16(6, true) & 1) === 1;
  return { start, nameStart, nameLength, method: header.getUint16(8, true), isEncrypted };
}
