/**
 * Pillow's `ImagingBlend` on bytes: float32 arithmetic, clipped, truncated; and what the colour
 * operations make of it.
 *
 * @module
 */

/** `from + alpha · (to − from)` in float32, truncated into a byte; `alpha` must be a float32. */
export function blend(from: number, to: number, alpha: number): number {
  const value = Math.fround(from + Math.fround(alpha * (to - from)));
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0;
}

/** What blending the constant `degenerate` with each possible byte gives. */
export function blendTable(degenerate: number, factor: number): Uint8Array {
  const alpha = Math.fround(factor);
  return Uint8Array.from({ length: 256 }, (_, value) => blend(degenerate, value, alpha));
}

/** The table that looks up in `first`, then in `second`. */
export function composeTables(first: Uint8Array, second: Uint8Array): Uint8Array {
  return first.map((value) => second[value]);
}

/** Pillow's grey: (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶. */
export function gray(red: number, green: number, blue: number): number {
  return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}

/** Sum of the grey values of `count` pixels. */
export function graySum(row: Uint8Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count * 3; i += 3) {
    sum += (19595 * row[i] + 38470 * row[i + 1] + 7471 * row[i + 2] + 0x8000) >> 16;
  }
  return sum;
}

/** Blends each of `count` pixels with its grey, in place (`ImageEnhance.Color`). */
export function saturate(row: Uint8Array, count: number, factor: number): void {
  const alpha = Math.fround(factor);
  for (let i = 0; i < count * 3; i += 3) {
    const red = row[i], green = row[i + 1], blue = row[i + 2];
    const level = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
    row[i] = blend(level, red, alpha);
    row[i + 1] = blend(level, green, alpha);
    row[i + 2] = blend(level, blue, alpha);
  }
}
