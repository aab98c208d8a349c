/** Where a tokenizer made by a run is. @module */

import { join, resolve } from "node:path";
import { exists, isFile } from "../path_kinds.ts";

/** The file's name in a run's directory. */
export const tokenizerFile = "tokenizer.safetensors";

/** The safetensors file that a path names, or that of the run in a directory; null for anything else. */
export function tokenizerFileAt(path: string): string | null {
  // A page has no files.
  if (!("Deno" in globalThis)) return null;
  return [path, join(path, tokenizerFile)]
    .find((file) => file.endsWith(".safetensors") && isFile(file)) ?? null;
}

/** A path from the root, if something is there; anything else is a name or an address. */
export function absolutePath(path: string): string {
  return exists(path) ? resolve(path) : path;
}
