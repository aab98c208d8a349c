/**
 * Reads safetensors files: the header first, each tensor on demand.
 *
 * The format: 8 bytes little-endian header length, a JSON header, the tensors' bytes
 * (https://github.com/huggingface/safetensors). Files that violate it are rejected.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { type ByteSource, openSource } from "../tensors/byte_source.ts";
import { FormatError, withFileName } from "../format_error.ts";
import { type Header, MAX_HEADER_BYTES, parseHeader } from "./safetensors_header.ts";
import {
  arrayOver,
  type TensorData,
  type TensorFile,
  type TensorInfo,
} from "../tensors/tensor_data.ts";

async function readHeader(source: ByteSource): Promise<Header> {
  if (source.size < 8) {
    throw new FormatError(`it has ${source.size} bytes, a header length needs 8`);
  }
  const prefix = await source.read(0, 8);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(Math.min(source.size - 8, MAX_HEADER_BYTES))) {
    throw new FormatError(`its header claims ${length} bytes, the file has ${source.size}`);
  }
  const dataStart = 8 + Number(length);
  return parseHeader(await source.read(8, Number(length)), dataStart, source.size);
}

/**
 * Opens a safetensors file by path, URL or bytes. Overlapping ranges, gaps, inconsistent sizes, unknown dtypes
 * and false headers are one-line `UserError`s.
 *
 * @example Writing and reading
 * ```ts
 * import { encodeSafetensors } from "./safetensors_writer.ts";
 * import { openSafetensors } from "./safetensors.ts";
 * const bytes = encodeSafetensors([["w", { dtype: "I32", shape: [2], data: new Int32Array([3, 4]) }]]);
 * const file = await openSafetensors(bytes);
 * const tensor = await file.read("w");
 * if (tensor.data[1] !== 4 || file.names()[0] !== "w") throw new Error();
 * ```
 */
export async function openSafetensors(from: string | URL | Uint8Array): Promise<TensorFile> {
  return await safetensorsOf(await openSource(from));
}

/** Like {@link openSafetensors}, from a source that is closed with the file. */
export async function safetensorsOf(source: ByteSource): Promise<TensorFile> {
  let header: Header;
  try {
    header = await readHeader(source);
  } catch (error) {
    source.close();
    throw withFileName(source.name, error);
  }
  const entryOf = (name: string) => {
    const entry = header.entries.get(name);
    if (!entry) throw new UserError(`Cannot read "${name}" of "${source.name}": no such tensor`);
    return entry;
  };
  return {
    names: () => [...header.entries.keys()],
    info(name): TensorInfo {
      const { dtype, shape } = entryOf(name);
      return { dtype, shape };
    },
    async read(name): Promise<TensorData> {
      const { dtype, shape, offset, bytes } = entryOf(name);
      return { dtype, shape, data: arrayOver(dtype, await source.read(offset, bytes)) };
    },
    metadata: header.metadata,
    close: () => source.close(),
  };
}
