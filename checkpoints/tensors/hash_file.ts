/**
 * What a file holds, as a hash.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** The SHA-256 of a file in hexadecimal, read a mebibyte at a time. */
export function hashFile(path: string): string {
  const file = Deno.openSync(path);
  try {
    const hash = createHash("sha256");
    const chunk = new Uint8Array(1 << 20);
    for (let count; (count = file.readSync(chunk)) !== null;) hash.update(chunk.subarray(0, count));
    return hash.digest("hex");
  } finally {
    file.close();
  }
}
