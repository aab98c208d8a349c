/** `state.json` of a checkpoint: its contents, with hashes, and whether they are all there. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { messageOf } from "../../core/errors.ts";
import { hashFile } from "../tensors/hash_file.ts";

/** Anything that JSON holds. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [key: string]: JsonValue };

/** The manifest's name within a checkpoint. */
export const MANIFEST_FILE = "state.json";

const FORMAT = "mimic checkpoint 1";

/** The contents of `state.json`, without its own hash. */
export interface Manifest {
  format: string;
  step: number;
  state: JsonValue;
  files: Record<string, { bytes: number; sha256: string }>;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The text of `state.json`; its last field is the hash of all the others. */
export function encodeManifest(fields: Omit<Manifest, "format">): string {
  const manifest: Manifest = { format: FORMAT, ...fields };
  // What is hashed has been through JSON once, just as when it is checked.
  const plain = JSON.parse(JSON.stringify(manifest));
  return JSON.stringify({ ...plain, sha256: hashOf(JSON.stringify(plain)) }, null, 1) + "\n";
}

/** Reads and checks `state.json`; throws an `Error` that says what is wrong with it. */
export function readManifest(directory: string): Manifest {
  const text = Deno.readTextFileSync(join(directory, MANIFEST_FILE));
  let parsed: Manifest & { sha256?: string };
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(`${MANIFEST_FILE} is not valid JSON`);
  }
  const { sha256, ...manifest } = parsed;
  if (manifest.format !== FORMAT) {
    throw new Error(`${MANIFEST_FILE} does not say "${FORMAT}"`);
  }
  if (sha256 !== hashOf(JSON.stringify(manifest))) {
    throw new Error(`${MANIFEST_FILE} does not match its hash`);
  }
  return manifest;
}

/**
 * What is wrong with a checkpoint directory, briefly, or `undefined` if it is complete.
 * `hashes: false` checks only the manifest and the sizes.
 */
export function flawOf(directory: string, { hashes }: { hashes: boolean }): string | undefined {
  try {
    const manifest = readManifest(directory);
    for (const [name, wanted] of Object.entries(manifest.files)) {
      const { size } = Deno.statSync(join(directory, name));
      if (size !== wanted.bytes) return `${name} has ${size} bytes instead of ${wanted.bytes}`;
      if (hashes && hashFile(join(directory, name)) !== wanted.sha256) {
        return `${name} does not match its hash`;
      }
    }
  } catch (error) {
    return messageOf(error);
  }
  return undefined;
}
