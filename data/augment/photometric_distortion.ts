/**
 * Photometric distortion as drawn by mmsegmentation: brightness, contrast, saturation and hue, each
 * with probability ½, contrast before or after the other two; 8 bits between the steps.
 *
 * @module
 */
import type { Generator } from "../../core/generator.ts";
import type { RgbImage } from "../images/image.ts";

const brightness = 32;
const [lowest, highest] = [0.5, 1.5];
/** In OpenCV's units of 2°. */
const hueShift = 18;

const clip = (value: number) => value < 0 ? 0 : value > 255 ? 255 : Math.trunc(value);

function scale(pixels: Uint8Array, factor: number, shift: number): void {
  const table = Uint8Array.from({ length: 256 }, (_, level) => clip(level * factor + shift));
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[pixels[i]];
}

/** One pixel's hue in OpenCV's 8-bit units (0 … 179), saturation and value (0 … 255). */
export function toHsv(r: number, g: number, b: number): [number, number, number] {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  const saturation = value === 0 ? 0 : Math.round(255 * range / value);
  if (range === 0) return [0, saturation, value];
  const sixth = value === r
    ? (g - b) / range
    : value === g
    ? 2 + (b - r) / range
    : 4 + (r - g) / range;
  const hue = Math.round(30 * sixth);
  return [hue < 0 ? hue + 180 : hue, saturation, value];
}

/** The inverse conversion. */
export function fromHsv(hue: number, saturation: number, value: number): [number, number, number] {
  const sector = hue / 30;
  const whole = Math.floor(sector);
  const part = sector - whole;
  const share = saturation / 255;
  const low = value * (1 - share);
  const falling = value * (1 - share * part);
  const rising = value * (1 - share * (1 - part));
  const all: [number, number, number][] = [
    [value, rising, low],
    [falling, value, low],
    [low, value, rising],
    [low, falling, value],
    [rising, low, value],
    [value, low, falling],
  ];
  return all[whole % 6].map(Math.round) as [number, number, number];
}

function changeHsv(
  pixels: Uint8Array,
  change: (hsv: [number, number, number]) => [number, number, number],
): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const hsv = toHsv(pixels[i], pixels[i + 1], pixels[i + 2]);
    pixels.set(fromHsv(...change(hsv)), i);
  }
}

/**
 * A distorted copy of an image.
 *
 * @example
 * ```ts
 * import { Generator } from "../../core/generator.ts";
 * import { distortColors } from "./photometric_distortion.ts";
 * const image = { width: 1, height: 1, data: Uint8Array.of(200, 100, 50) };
 * const same = distortColors(image, Generator.from(3));
 * if (same.data.length !== 3 || image.data[0] !== 200) throw new Error();
 * ```
 */
export function distortColors(image: RgbImage, generator: Generator): RgbImage {
  const pixels = image.data.slice();
  const happens = () => generator.integer(0, 1) === 1;
  const contrast = () => {
    if (happens()) scale(pixels, generator.uniform(lowest, highest), 0);
  };
  if (happens()) scale(pixels, 1, generator.uniform(-brightness, brightness));
  const isContrastFirst = happens();
  if (isContrastFirst) contrast();
  if (happens()) {
    const factor = generator.uniform(lowest, highest);
    changeHsv(pixels, ([hue, saturation, value]) => [hue, clip(saturation * factor), value]);
  }
  if (happens()) {
    const shift = generator.integer(-hueShift, hueShift - 1);
    changeHsv(pixels, ([hue, ...rest]) => [(hue + shift + 180) % 180, ...rest]);
  }
  if (!isContrastFirst) contrast();
  return { ...image, data: pixels };
}
