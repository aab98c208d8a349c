/**
 * Writing protocol buffers: just what ONNX files and TensorBoard events need.
 *
 * @module
 */

import { concatBytes } from "./concatenate.ts";

const utf8 = new TextEncoder();

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  // Negative numbers are 64-bit two's complement.
  for (let rest = BigInt.asUintN(64, BigInt(value));;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
    if (rest === 0n) return new Uint8Array(bytes);
  }
}

/** An integer or enum field. */
export function integerField(field: number, value: number): Uint8Array {
  return concatBytes([varint(field << 3), varint(value)]);
}

/** A 32-bit float field. */
export function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return concatBytes([varint(field << 3 | 5), bytes]);
}

/** A 64-bit float field. */
export function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return concatBytes([varint(field << 3 | 1), bytes]);
}

/** A packed field of 64-bit floats. */
export function doublesField(field: number, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setFloat64(8 * index, value, true);
  return bytesField(field, bytes);
}

/** The tag and length that precede a field of that many bytes. */
export function lengthPrefix(field: number, length: number): Uint8Array {
  return concatBytes([varint(field << 3 | 2), varint(length)]);
}

/** A field holding a string, bytes, or a message given by its own fields. */
export function bytesField(
  field: number,
  value: string | Uint8Array | readonly Uint8Array[],
): Uint8Array {
  const bytes = typeof value === "string"
    ? utf8.encode(value)
    : value instanceof Uint8Array
    ? value
    : concatBytes(value);
  return concatBytes([lengthPrefix(field, bytes.length), bytes]);
}

/**
 * The fields of a message, concatenated.
 *
 * @example The example from the protobuf documentation: field 1 is 150
 * ```ts
 * import { integerField, message } from "./protobuf.ts";
 * const bytes = message([integerField(1, 150)]);
 * if (bytes.join() !== "8,150,1") throw new Error(bytes.join());
 * ```
 */
export const message: (fields: readonly Uint8Array[]) => Uint8Array<ArrayBuffer> = concatBytes;
