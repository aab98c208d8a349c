/**
 * RandAugment's operations that treat each byte separately, using a table per channel.
 *
 * @module
 */
import type { RgbImage } from "../images/image.ts";

/** Looks up each byte in its channel's table. */
export function lookUp(image: RgbImage, tables: readonly Uint8Array[]): RgbImage {
  const [red, green, blue] = tables.length === 1 ? [tables[0], tables[0], tables[0]] : tables;
  const { width, height, data: source } = image;
  const data = new Uint8Array(source.length);
  for (let i = 0; i < source.length; i += 3) {
    data[i] = red[source[i]];
    data[i + 1] = green[source[i + 1]];
    data[i + 2] = blue[source[i + 2]];
  }
  return { width, height, data };
}

const table = (value: (byte: number) => number) =>
  Uint8Array.from(
    new Uint8ClampedArray(256),
    (_, byte) => Math.trunc(Math.min(255, Math.max(0, value(byte)))),
  );

/** How often each byte occurs in a channel. */
function histogram(image: RgbImage, channel: number): Uint32Array {
  const counts = new Uint32Array(256);
  for (let i = channel; i < image.data.length; i += 3) counts[image.data[i]]++;
  return counts;
}

/** Stretches each channel to the whole range (`ImageOps.autocontrast`). */
export function autoContrast(image: RgbImage): RgbImage {
  return lookUp(
    image,
    [0, 1, 2].map((channel) => {
      const counts = histogram(image, channel);
      const low = counts.findIndex((count) => count > 0);
      const high = counts.findLastIndex((count) => count > 0);
      if (high <= low) return table((byte) => byte);
      const scale = 255 / (high - low);
      const offset = -low * scale;
      return table((byte) => byte * scale + offset);
    }),
  );
}

/** Equalises each channel's histogram (`ImageOps.equalize`). */
export function equalize(image: RgbImage): RgbImage {
  return lookUp(
    image,
    [0, 1, 2].map((channel) => {
      const counts = histogram(image, channel);
      const last = counts.findLast((count) => count > 0) ?? 0;
      const step = Math.floor((image.data.length / 3 - last) / 255);
      if (step === 0) return table((byte) => byte);
      let sum = Math.floor(step / 2);
      return Uint8Array.from(counts, (count) => {
        const value = Math.min(255, Math.floor(sum / step));
        sum += count;
        return value;
      });
    }),
  );
}

/** 255 − byte. */
export function invert(image: RgbImage): RgbImage {
  return lookUp(image, [table((byte) => 255 - byte)]);
}

/** Inverts bytes that are not below `threshold`. */
export function solarize(image: RgbImage, threshold: number): RgbImage {
  return lookUp(image, [table((byte) => byte < threshold ? byte : 255 - byte)]);
}

/** Adds to bytes in the lower half. */
export function solarizeAdd(image: RgbImage, amount: number): RgbImage {
  return lookUp(image, [table((byte) => byte < 128 ? byte + amount : byte)]);
}

/** Keeps the upper `bits`, rounded up to an integer. */
export function posterize(image: RgbImage, bits: number): RgbImage {
  const kept = 0xff00 >> Math.ceil(bits) & 0xff;
  return lookUp(image, [table((byte) => byte & kept)]);
}
