/** The header of a safetensors file: parsing it and checking everything in it. @module */

import { FormatError } from "../format_error.ts";
import { type DType, isDType, itemBytes } from "../tensors/tensor_data.ts";

/** One entry of the header, with its position in the file. */
export interface HeaderEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** A checked header. */
export interface Header {
  readonly entries: Map<string, HeaderEntry>;
  readonly metadata: Record<string, string>;
}

/** No model has a larger header than this; it bounds the memory that a malicious file can claim. */
export const MAX_HEADER_BYTES = 16 * 1024 * 1024;

/** Parses the JSON of a header; `dataStart` and `fileSize` in bytes. */
export function parseHeader(json: Uint8Array, dataStart: number, fileSize: number): Header {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    throw new FormatError("its safetensors header is not valid JSON");
  }
  if (!isRecord(parsed)) throw new FormatError("its safetensors header is not a JSON object");
  const entries = new Map<string, HeaderEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") metadata = parseMetadata(value);
    else entries.set(name, parseEntry(name, value, dataStart, fileSize));
  }
  checkTiling(entries, dataStart, fileSize);
  return { entries, metadata };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value) || Object.values(value).some((entry) => typeof entry !== "string")) {
    throw new FormatError("its __metadata__ is not a map of strings");
  }
  return value as Record<string, string>;
}

function isExtents(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function parseEntry(name: string, value: unknown, dataStart: number, size: number): HeaderEntry {
  const label = JSON.stringify(name.slice(0, 100));
  if (!isRecord(value)) throw new FormatError(`the entry of ${label} is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDType(dtype)) {
    throw new FormatError(`${label} has the unsupported dtype ${JSON.stringify(dtype) ?? "none"}`);
  }
  if (!isExtents(shape)) throw new FormatError(`the shape of ${label} is not a list of sizes`);
  if (!isExtents(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw new FormatError(`the data_offsets of ${label} are not a range`);
  }
  const [begin, end] = offsets;
  if (dataStart + end > size) {
    throw new FormatError(`${label} ends at byte ${dataStart + end}, the file at ${size}`);
  }
  let bytes = itemBytes(dtype);
  for (const extent of shape) {
    bytes *= extent;
    if (!Number.isSafeInteger(bytes)) throw new FormatError(`the shape of ${label} overflows`);
  }
  if (bytes !== end - begin) {
    throw new FormatError(
      `${label} of shape [${shape}] needs ${bytes} bytes, its range has ${end - begin}`,
    );
  }
  return { dtype, shape, offset: dataStart + begin, bytes };
}

/** The ranges must cover the data without overlaps or gaps. */
function checkTiling(
  entries: Map<string, HeaderEntry>,
  dataStart: number,
  fileSize: number,
): void {
  const ordered = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  let position = dataStart;
  for (const [name, entry] of ordered) {
    if (entry.offset !== position) {
      const what = entry.offset < position ? "overlaps the tensor before it" : "follows a hole";
      throw new FormatError(`${JSON.stringify(name.slice(0, 100))} ${what}`);
    }
    position += entry.bytes;
  }
  if (position !== fileSize) {
    throw new FormatError(`its tensors end at byte ${position}, the file at ${fileSize}`);
  }
}
