/**
 * Opens any tensor file, whatever its format.
 *
 * @module
 */

import { type ByteSource, openSource } from "./byte_source.ts";
import { type PthFile, pthOf } from "../pth/pth.ts";
import { safetensorsOf } from "../safetensors/safetensors.ts";
import type { TensorFile } from "./tensor_data.ts";

/** A safetensors or `.pth` file, distinguished by its first bytes. */
export type AnyTensorFile =
  | { readonly kind: "safetensors"; readonly file: TensorFile; readonly bytes: number }
  | { readonly kind: "pth"; readonly file: PthFile; readonly bytes: number };

async function looksLikeSafetensors(source: ByteSource): Promise<boolean> {
  if (source.size < 9) return source.name.endsWith(".safetensors");
  const head = await source.read(0, 9);
  // A zip starts with "PK", a pickle with 0x80; a safetensors header starts with "{" after its
  // length.
  return head[8] === 0x7b || source.name.endsWith(".safetensors");
}

/** Opens a safetensors or `.pth` file by path, URL or bytes; errors are one-line `UserError`s. */
export async function openTensorFile(from: string | URL | Uint8Array): Promise<AnyTensorFile> {
  return await tensorFileOf(await openSource(from));
}

/** The same from an open source, which it closes if it fails. */
export async function tensorFileOf(source: ByteSource): Promise<AnyTensorFile> {
  const bytes = source.size;
  let isSafetensors: boolean;
  try {
    isSafetensors = await looksLikeSafetensors(source);
  } catch (error) {
    source.close();
    throw error;
  }
  return isSafetensors
    ? { kind: "safetensors", file: await safetensorsOf(source), bytes }
    : { kind: "pth", file: await pthOf(source), bytes };
}
