/** What the program uses of Node's `crypto`, in a page: SHA-256, which browsers have only as a promise. @module */

import { sha256 } from "../../deps/noble_hashes.ts";

/** A hash as Node's `createHash("sha256")` makes one. */
class Hash {
  readonly #hash = sha256.create();

  update(data: Uint8Array | string): this {
    this.#hash.update(typeof data === "string" ? new TextEncoder().encode(data) : data);
    return this;
  }

  digest(): Uint8Array;
  digest(encoding: "hex"): string;
  digest(encoding?: "hex"): Uint8Array | string {
    const bytes = this.#hash.digest();
    if (encoding === undefined) return bytes;
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

export function createHash(_name: "sha256"): Hash {
  return new Hash();
}
