/**
 * Writes safetensors files, with one tensor in memory at a time.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { formatShape, sameShape, sizeOf } from "../../core/shapes.ts";
import { type ByteSink, FileSink, MemorySink } from "../tensors/file_sink.ts";
import {
  bytesOf,
  itemBytes,
  type LazyTensor,
  tensorBytes,
  type TensorData,
} from "../tensors/tensor_data.ts";

/** Named tensors to write: in memory, or read when their turn comes. */
export type NamedTensors = Iterable<readonly [string, TensorData | LazyTensor]>;

type Entry = readonly [string, TensorData | LazyTensor];

/** Wide elements first, so that every tensor starts at a multiple of its element size. */
function inFileOrder(tensors: NamedTensors): Entry[] {
  const seen = new Set<string>();
  const entries = [...tensors];
  for (const [name] of entries) {
    if (seen.has(name) || name === "__metadata__") {
      throw new UserError(`Cannot write the tensor "${name}": the name is taken`);
    }
    seen.add(name);
  }
  return entries.sort(([, a], [, b]) => itemBytes(b.dtype) - itemBytes(a.dtype));
}

function headerBytes(entries: Entry[], metadata: Record<string, string>): Uint8Array {
  let offset = 0;
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  for (const [name, { dtype, shape }] of entries) {
    const end = offset + tensorBytes({ dtype, shape });
    const entry = { dtype, shape, data_offsets: [offset, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

function checkTensor(name: string, wanted: TensorData | LazyTensor, found: TensorData): void {
  const isRight = found.dtype === wanted.dtype && sameShape(found.shape, wanted.shape) &&
    found.data.length === sizeOf(wanted.shape);
  if (isRight) return;
  throw new UserError(
    `Cannot write "${name}": expected ${wanted.dtype} ${formatShape(wanted.shape)}, found ` +
      `${found.dtype} ${formatShape(found.shape)} with ${found.data.length} values`,
  );
}

/** Writes tensors to any sink; lazy ones are read one after another. */
export async function writeSafetensorsTo(
  sink: ByteSink,
  tensors: NamedTensors,
  metadata: Record<string, string> = {},
): Promise<void> {
  const entries = inFileOrder(tensors);
  sink.write(headerBytes(entries, metadata));
  for (const [name, tensor] of entries) {
    const data = "read" in tensor ? await tensor.read() : tensor;
    checkTensor(name, tensor, data);
    sink.write(bytesOf(data));
  }
}

/**
 * Writes a safetensors file and flushes it to disk; returns its size and SHA-256.
 *
 * @example
 * ```ts
 * import { writeSafetensors } from "./safetensors_writer.ts";
 * const path = await Deno.makeTempFile();
 * const written = await writeSafetensors(path, [
 *   ["scale", { dtype: "F32", shape: [], data: new Float32Array([0.5]) }],
 * ], { format: "pt" });
 * if (written.bytes !== (await Deno.stat(path)).size) throw new Error();
 * await Deno.remove(path);
 * ```
 */
export async function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Record<string, string> = {},
): Promise<{ bytes: number; sha256: string }> {
  const sink = new FileSink(path);
  try {
    await writeSafetensorsTo(sink, tensors, metadata);
  } catch (error) {
    sink.abandon();
    throw error;
  }
  return sink.finish();
}

/** A safetensors file in memory, from tensors in memory. */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, TensorData]>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const sink = new MemorySink();
  const entries = inFileOrder(tensors);
  sink.write(headerBytes(entries, metadata));
  for (const [name, tensor] of entries as [string, TensorData][]) {
    checkTensor(name, tensor, tensor);
    sink.write(bytesOf(tensor));
  }
  return sink.bytes();
}
