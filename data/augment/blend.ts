/**
 * Pillow's arithmetic on single samples; `pixels.wat` has the same for whole images.
 *
 * @module
 */

/** `from + alpha · (to − from)` in float32, truncated into a byte; `alpha` must be a float32. */
export function blend(from: number, to: number, alpha: number): number {
  const value = Math.fround(from + Math.fround(alpha * (to - from)));
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0;
}

/** Pillow's grey: (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶. */
export function gray(red: number, green: number, blue: number): number {
  return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}
