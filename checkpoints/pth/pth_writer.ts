/**
 * Writes PyTorch `.pth` files (zip format) that `torch.load(…, weights_only=True)` reads.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shapes.ts";
import { type ByteSink, FileSink, MemorySink } from "../tensors/file_sink.ts";
import { pickle, type PthContent } from "./pickle_writer.ts";
import { bytesOf, type LazyTensor, type TensorData } from "../tensors/tensor_data.ts";
import { ZipWriter } from "./zip_writer.ts";

export type { PthContent } from "./pickle_writer.ts";

const FOLDER = "archive";
const utf8 = new TextEncoder();

function* records(content: PthContent): Generator<
  [string, Uint8Array | TensorData | LazyTensor]
> {
  const { bytes, tensors } = pickle(content);
  yield ["data.pkl", bytes];
  yield ["byteorder", utf8.encode("little")];
  for (const [key, tensor] of tensors.entries()) yield [`data/${key}`, tensor];
  yield ["version", utf8.encode("3\n")];
}

function recordBytes(name: string, wanted: LazyTensor | TensorData, found: TensorData) {
  if (found.dtype !== wanted.dtype || found.data.length !== sizeOf(wanted.shape)) {
    throw new UserError(
      `Cannot write "${name}": expected ${sizeOf(wanted.shape)} values of ${wanted.dtype}, ` +
        `found ${found.data.length} of ${found.dtype}`,
    );
  }
  return bytesOf(found);
}

async function writePthTo(sink: ByteSink, content: PthContent): Promise<void> {
  const zip = new ZipWriter(sink);
  for (const [name, record] of records(content)) {
    if (record instanceof Uint8Array) zip.add(`${FOLDER}/${name}`, record);
    else {
      const tensor = "read" in record ? await record.read() : record;
      zip.add(`${FOLDER}/${name}`, recordBytes(name, record, tensor));
    }
  }
  zip.finish();
}

/**
 * Writes a `.pth` file; lazy tensors are read when their turn comes. Plain objects become dicts, a
 * `Map` becomes an `OrderedDict`. Returns the file's size and SHA-256.
 *
 * @example
 * ```ts
 * import { writePth } from "./pth_writer.ts";
 * const path = await Deno.makeTempFile({ suffix: ".pth" });
 * const bias = { dtype: "F32", shape: [2], data: new Float32Array(2) } as const;
 * const written = await writePth(path, { state_dict: new Map([["head.bias", bias]]) });
 * if (written.bytes !== (await Deno.stat(path)).size) throw new Error();
 * await Deno.remove(path);
 * ```
 */
export async function writePth(
  path: string,
  content: PthContent,
): Promise<{ bytes: number; sha256: string }> {
  const sink = new FileSink(path);
  try {
    await writePthTo(sink, content);
  } catch (error) {
    sink.abandon();
    throw error;
  }
  return sink.finish();
}

/** A `.pth` file in memory, from tensors in memory. */
export function encodePth(content: PthContent): Uint8Array<ArrayBuffer> {
  const sink = new MemorySink();
  const zip = new ZipWriter(sink);
  for (const [name, record] of records(content)) {
    if (!(record instanceof Uint8Array) && "read" in record) {
      throw new UserError(`Cannot encode "${name}" in memory: it is a lazy tensor`);
    }
    const bytes = record instanceof Uint8Array ? record : recordBytes(name, record, record);
    zip.add(`${FOLDER}/${name}`, bytes);
  }
  zip.finish();
  return sink.bytes();
}
