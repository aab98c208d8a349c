/**
 * Correct checksums around damaged contents: what a malicious writer produces, but no disk. Without them, most
 * damage is caught by its checksum, and the parsers behind it are never tested.
 *
 * @module
 */

import { crc32, deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import type { Generator } from "../../core/generator.ts";
import { mutate } from "./mutate.ts";

/** Recomputes the checksum of every chunk of a PNG, as far as its lengths make sense. */
export function repairPng(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let at = 8; at + 12 <= copy.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > copy.length) break;
    view.setUint32(end, crc32(copy.subarray(at + 4, end)));
    at = end + 4;
  }
  return copy;
}

/** Damages the pixels of a PNG behind its compression, with all of them in one chunk. */
export function damagePngRows(bytes: Uint8Array, generator: Generator): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [bytes.subarray(0, 33)];
  const packed: Uint8Array[] = [];
  for (let at = 33; at + 12 <= bytes.length;) {
    const end = at + 12 + view.getUint32(at);
    const isData = String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === "IDAT";
    if (isData) packed.push(bytes.subarray(at + 8, end - 4));
    else if (packed.length === 0) parts.push(bytes.subarray(at, end));
    at = end;
  }
  const rows = deflateSync(mutate(new Uint8Array(inflateSync(joined(packed))), generator));
  const chunk = new Uint8Array(12 + rows.length);
  new DataView(chunk.buffer).setUint32(0, rows.length);
  chunk.set([0x49, 0x44, 0x41, 0x54], 4);
  chunk.set(rows, 8);
  const end = Uint8Array.of(0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0, 0, 0, 0);
  return repairPng(joined([...parts, chunk, end]));
}

/** Recomputes the checksum of each block that looks like a tar member's header. */
export function repairTar(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  for (let at = 0; at + 512 <= copy.length; at += 512) {
    const header = copy.subarray(at, at + 512);
    if (String.fromCharCode(...header.subarray(257, 262)) !== "ustar") continue;
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    const digits = `${sum.toString(8).padStart(6, "0")}\0 `;
    for (let i = 0; i < 8; i++) header[148 + i] = digits.charCodeAt(i);
  }
  return copy;
}

/** Damages the contents of a gzip file, with correct checksum and size. */
export function damageInside(
  packed: Uint8Array,
  damage: (bytes: Uint8Array) => Uint8Array,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(damage(new Uint8Array(gunzipSync(packed)))));
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
