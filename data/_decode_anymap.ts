/**
 * Binary Netpbm files, P5 (grey) and P6 (colour), 8 and 16 bits: the simplest lossless format, used
 * by the bundled sample because it costs nothing to decode; neither sharp nor jsquash reads it.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import type { RgbImage } from "./image.ts";

/** Reads one whole number of the header, past blanks and comments. */
function readNumber(bytes: Uint8Array, at: number): [value: number, next: number] {
  while (at < bytes.length) {
    if (bytes[at] === 0x23) { while (at < bytes.length && bytes[at] !== 0x0a) at++; }
    else if (bytes[at] > 0x20) break;
    else at++;
  }
  let value = 0;
  const start = at;
  for (; bytes[at] >= 0x30 && bytes[at] <= 0x39 && at - start < 9; at++) {
    value = value * 10 + bytes[at] - 0x30;
  }
  if (at === start) throw new UserError("the Netpbm header is broken");
  return [value, at];
}

/** Decodes a P5 or P6 file. */
export function decodePortableAnymap(bytes: Uint8Array): RgbImage {
  const channels = bytes[1] === 0x36 ? 3 : 1;
  const [width, afterWidth] = readNumber(bytes, 2);
  const [height, afterHeight] = readNumber(bytes, afterWidth);
  const [maximum, afterMaximum] = readNumber(bytes, afterHeight);
  const start = afterMaximum + 1;
  const sampleBytes = maximum > 255 ? 2 : 1;
  if (width === 0 || height === 0 || maximum === 0 || maximum > 65535) {
    throw new UserError("the Netpbm header is broken");
  }
  const samples = width * height * channels;
  if (bytes.length < start + samples * sampleBytes) throw new UserError("the file is truncated");
  const data = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const at = start + (channels === 3 ? pixel * 3 + channel : pixel) * sampleBytes;
      const sample = sampleBytes === 2 ? bytes[at] << 8 | bytes[at + 1] : bytes[at];
      data[pixel * 3 + channel] = maximum === 255
        ? sample
        : Math.min(255, Math.trunc(sample * 255 / maximum + 0.5));
    }
  }
  return { width, height, data };
}
