/** One array of all the bytes, in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
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
