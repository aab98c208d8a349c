/** The integers, strings and sections of WebAssembly's binary format. @module */

/** Unsigned LEB128, up to 2^53. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

/** Signed LEB128, up to ±2^53. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = ((value % 128) + 128) % 128;
    value = Math.floor(value / 128);
    const isLast = (value === 0 && low < 64) || (value === -1 && low >= 64);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

export function text(value: string): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
}

/** A vector of items, each already encoded. */
export function list(items: readonly number[][]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

export function section(id: number, content: number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}
