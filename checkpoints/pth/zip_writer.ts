/** Writes zip archives of stored records, with ZIP64 if the file exceeds 4 GiB. */

import { crc32 } from "node:zlib";
import { UserError } from "../../core/errors.ts";
import type { ByteSink } from "../tensors/file_sink.ts";

interface Written {
  readonly name: Uint8Array;
  readonly bytes: number;
  readonly crc: number;
  readonly offset: number;
}

/** PyTorch memory-maps storages at multiples of this. */
const ALIGNMENT = 64;
const LOCAL_BYTES = 30;
const FULL = 0xffffffff;
/** UTF-8 names. */
const FLAGS = 0x0800;
/** 1980-01-01, so that the same content gives the same bytes. */
const DOS_DATE = 33;

function fields(...values: (readonly [2 | 4 | 8, number])[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of values) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}

/** Writes records one after another, then the directory. */
export class ZipWriter {
  readonly #sink: ByteSink;
  readonly #records: Written[] = [];
  #position = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  #write(bytes: Uint8Array): void {
    this.#sink.write(bytes);
    this.#position += bytes.length;
  }

  /** Adds a record, whose bytes start at a multiple of 64. */
  add(recordName: string, bytes: Uint8Array): void {
    if (bytes.length >= FULL) {
      throw new UserError(`Cannot write "${recordName}": it has 4 GiB or more`);
    }
    const name = new TextEncoder().encode(recordName);
    const crc = crc32(bytes) >>> 0;
    const offset = this.#position;
    const unpadded = offset + LOCAL_BYTES + name.length + 4;
    const padding = (ALIGNMENT - unpadded % ALIGNMENT) % ALIGNMENT;
    this.#write(fields(
      ...[[4, 0x04034b50], [2, 20], [2, FLAGS], [2, 0], [2, 0], [2, DOS_DATE]] as const,
      ...[[4, crc], [4, bytes.length], [4, bytes.length]] as const,
      ...[[2, name.length], [2, 4 + padding]] as const,
    ));
    this.#write(name);
    this.#write(fields([2, 0x4246], [2, padding])); // The "FB" padding field of PyTorch's writer.
    this.#write(new Uint8Array(padding));
    this.#write(bytes);
    this.#records.push({ name, bytes: bytes.length, crc, offset });
  }

  /** Writes the directory; nothing can be added afterwards. */
  finish(): void {
    const start = this.#position;
    for (const { name, bytes, crc, offset } of this.#records) {
      const extra = offset >= FULL ? fields([2, 1], [2, 8], [8, offset]) : new Uint8Array(0);
      this.#write(fields(
        ...[[4, 0x02014b50], [2, 45], [2, 45], [2, FLAGS], [2, 0], [2, 0], [2, DOS_DATE]] as const,
        ...[[4, crc], [4, bytes], [4, bytes], [2, name.length], [2, extra.length]] as const,
        ...[[2, 0], [2, 0], [2, 0], [4, 0], [4, Math.min(offset, FULL)]] as const,
      ));
      this.#write(name);
      this.#write(extra);
    }
    this.#end(start, this.#position - start);
  }

  #end(start: number, bytes: number): void {
    const count = this.#records.length;
    if (start + bytes >= FULL || count >= 0xffff) {
      const at = this.#position;
      this.#write(fields(
        ...[[4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0]] as const,
        ...[[8, count], [8, count], [8, bytes], [8, start]] as const,
      ));
      this.#write(fields([4, 0x07064b50], [4, 0], [8, at], [4, 1]));
    }
    const shown = Math.min(count, 0xffff);
    this.#write(fields(
      ...[[4, 0x06054b50], [2, 0], [2, 0], [2, shown], [2, shown]] as const,
      ...[[4, Math.min(bytes, FULL)], [4, Math.min(start, FULL)], [2, 0]] as const,
    ));
  }
}
