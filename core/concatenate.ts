/**
 * Concatenates arrays into one, and splits them again.
 *
 * @module
 */

/** One array of all the bytes, in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return fill(new Uint8Array(totalLength(parts)), parts);
}

/** One array of all the numbers, in order. */
export function concatFloats(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  return fill(new Float32Array(totalLength(parts)), parts);
}

/** Copies of consecutive parts; each aligned for any number. */
export function splitBytes(
  all: Uint8Array,
  lengths: readonly number[],
): Uint8Array<ArrayBuffer>[] {
  let offset = 0;
  return lengths.map((length) => {
    const part = new Uint8Array(all.subarray(offset, offset + length));
    offset += length;
    return part;
  });
}

function totalLength(parts: readonly { readonly length: number }[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function fill<All extends Uint8Array | Float32Array>(
  all: All,
  parts: readonly ArrayLike<number>[],
): All {
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
