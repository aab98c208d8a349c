/** The two containers of `.pth` files: where the pickle is, and where each storage's bytes are. */

import { crc32 } from "node:zlib";
import type { ByteSource } from "../tensors/byte_source.ts";
import { FormatError } from "../format_error.ts";
import { OutOfBytes, unpickle, type Unpickled } from "./pickle_reader.ts";
import { PickleDict, type StorageReference } from "./pickle_values.ts";
import { itemBytes } from "../tensors/tensor_data.ts";
import {
  checkRecord,
  checkSum,
  readRecord,
  readZipDirectory,
  recordStart,
  type ZipRecord,
} from "./zip_reader.ts";

/** An opened container. */
export interface PthContainer {
  readonly layout: "zip" | "legacy";
  readonly content: Unpickled;
  /** Bytes of a storage from `offset`, both relative to the storage. */
  readBytes(storage: StorageReference, offset: number, length: number): Promise<
    Uint8Array<ArrayBuffer>
  >;
}

const MAX_PICKLE_BYTES = 32 * 1024 * 1024;
const FIRST_WINDOW_BYTES = 1 << 20;
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/** Opens either container, recognised by the file's first bytes. */
export async function openContainer(source: ByteSource): Promise<PthContainer> {
  const head = await source.read(0, Math.min(4, source.size));
  if (head.length === 4 && head[0] === 0x50 && head[1] === 0x4b) return await openZip(source);
  if (head.length === 4 && head[0] === 0x80) return await openLegacy(source);
  throw new FormatError(
    source.size === 0 ? "it is empty" : "it is neither a PyTorch nor a safetensors file",
  );
}

/** The folder of the archive that holds `data.pkl`. */
function findPrefix(records: Map<string, ZipRecord>): string {
  const pickles = [...records.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw new FormatError(`it has ${pickles.length} records data.pkl, expected one`);
  }
  return pickles[0].slice(0, -"data.pkl".length);
}

async function openZip(source: ByteSource): Promise<PthContainer> {
  const records = await readZipDirectory(source);
  const prefix = findPrefix(records);
  const order = records.get(`${prefix}byteorder`);
  if (order && (order.bytes !== 6 || (await readText(source, order)) !== "little")) {
    throw new FormatError("its numbers are big-endian, which is not supported");
  }
  const pickle = records.get(`${prefix}data.pkl`)!;
  if (pickle.bytes > MAX_PICKLE_BYTES) throw new FormatError("its data.pkl is too large");
  const content = unpickle(await readRecord(source, pickle));
  const recordOf = (storage: StorageReference) => {
    const record = records.get(`${prefix}data/${storage.key}`);
    const wanted = storage.count * itemBytes(storage.dtype);
    if (!record || record.bytes < wanted) {
      throw new FormatError(
        `storage ${storage.key} has ${record?.bytes ?? "no"} bytes, expected ${wanted}`,
      );
    }
    return record;
  };
  for (const { storage } of content.tensors) recordOf(storage);
  const starts = new Map<string, number>();
  const checked = new Set<string>();
  return {
    layout: "zip",
    content,
    async readBytes(storage, offset, length) {
      const record = recordOf(storage);
      const start = starts.get(storage.key) ?? await recordStart(source, record);
      starts.set(storage.key, start);
      const isChecked = checked.has(storage.key);
      const isWhole = offset === 0 && length === record.bytes;
      if (!isChecked && !isWhole) await checkRecord(source, record, start);
      const bytes = await source.read(start + offset, length);
      if (!isChecked && isWhole) checkSum(record, crc32(bytes));
      checked.add(storage.key);
      return bytes;
    },
  };
}

async function readText(source: ByteSource, record: ZipRecord): Promise<string> {
  return new TextDecoder().decode(await readRecord(source, record)).trim();
}

/** Reads the five pickles at the start of a legacy file, in a window that grows as needed. */
async function readPickles(source: ByteSource): Promise<Unpickled[]> {
  const limit = Math.min(source.size, MAX_PICKLE_BYTES);
  for (let window = FIRST_WINDOW_BYTES;; window *= 2) {
    const bytes = await source.read(0, Math.min(window, limit));
    try {
      return readFivePickles(bytes);
    } catch (error) {
      if (!(error instanceof OutOfBytes) || window >= limit) throw error;
    }
  }
}

function readFivePickles(bytes: Uint8Array): Unpickled[] {
  const pickles = [unpickle(bytes)];
  if (pickles[0].value !== LEGACY_MAGIC) {
    throw new FormatError("it is a bare pickle, not a PyTorch file");
  }
  pickles.push(unpickle(bytes, pickles[0].end));
  if (pickles[1].value !== LEGACY_PROTOCOL) {
    throw new FormatError("its PyTorch protocol is not 1001");
  }
  while (pickles.length < 5) pickles.push(unpickle(bytes, pickles[pickles.length - 1].end));
  return pickles;
}

async function openLegacy(source: ByteSource): Promise<PthContainer> {
  const [, , system, content, keys] = await readPickles(source);
  if (system.value instanceof PickleDict && system.value.get("little_endian") === false) {
    throw new FormatError("its numbers are big-endian, which is not supported");
  }
  const starts = await locateStorages(source, content, keys);
  return {
    layout: "legacy",
    content,
    async readBytes(storage, offset, length) {
      return await source.read(starts.get(storage.key)! + offset, length);
    },
  };
}

/** Storages follow the pickles in the order of the key list: an int64 count, then the elements. */
async function locateStorages(
  source: ByteSource,
  content: Unpickled,
  keys: Unpickled,
): Promise<Map<string, number>> {
  const storages = new Map(content.storages.map((storage) => [storage.key, storage]));
  const starts = new Map<string, number>();
  let position = keys.end;
  for (const key of Array.isArray(keys.value) ? keys.value : []) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage || starts.has(storage.key)) {
      throw new FormatError("its list of storages does not match its tensors");
    }
    if (position + 8 > source.size) throw new FormatError("its storages are truncated");
    const prefix = await source.read(position, 8);
    const count = new DataView(prefix.buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.count)) {
      throw new FormatError(`storage ${key} has ${count} elements, expected ${storage.count}`);
    }
    starts.set(storage.key, position + 8);
    position += 8 + storage.count * itemBytes(storage.dtype);
    if (position > source.size) throw new FormatError("its storages are truncated");
  }
  for (const storage of content.storages) {
    const other = storages.get(storage.key)!;
    const isSame = other.dtype === storage.dtype && other.count === storage.count;
    if (!starts.has(storage.key) || !isSame) {
      throw new FormatError(`storage ${storage.key} is missing`);
    }
  }
  return starts;
}
