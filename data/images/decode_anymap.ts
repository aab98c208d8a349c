/**
 * Binary Netpbm files, P5 (greyscale) and P6 (colour), 8 and 16 bits: the simplest lossless format,
 * used by the bundled sample because decoding costs nothing. Neither sharp nor jsquash reads it.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import type { StoredSamples } from "./png_samples.ts";
import type { RgbImage } from "./image.ts";

/** Reads one integer in the header, skipping whitespace and comments. */
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
  if (at === start) throw new UserError("the Netpbm header is corrupt");
  return [value, at];
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly maximum: number;
  /** Where the samples start, and bytes per sample. */
  readonly start: number;
  readonly sampleBytes: 1 | 2;
}

function readHeader(bytes: Uint8Array): Header {
  const channels = bytes[1] === 0x36 ? 3 : 1;
  const [width, afterWidth] = readNumber(bytes, 2);
  const [height, afterHeight] = readNumber(bytes, afterWidth);
  const [maximum, afterMaximum] = readNumber(bytes, afterHeight);
  const start = afterMaximum + 1;
  const sampleBytes = maximum > 255 ? 2 : 1;
  if (width === 0 || height === 0 || maximum === 0 || maximum > 65535) {
    throw new UserError("the Netpbm header is corrupt");
  }
  const samples = width * height * channels;
  if (bytes.length < start + samples * sampleBytes) throw new UserError("the file is truncated");
  return { width, height, channels, maximum, start, sampleBytes };
}

/** Decodes a P5 or P6 file. */
export function decodePortableAnymap(bytes: Uint8Array): RgbImage {
  const { width, height, channels, maximum, start, sampleBytes } = readHeader(bytes);
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

/** The samples of a P5 or P6 file as stored. */
export function anymapSamples(bytes: Uint8Array): StoredSamples {
  const { width, height, channels, start, sampleBytes } = readHeader(bytes);
  const samples = new Uint16Array(width * height * channels);
  for (let i = 0, at = start; i < samples.length; i++, at += sampleBytes) {
    samples[i] = sampleBytes === 2 ? bytes[at] << 8 | bytes[at + 1] : bytes[at];
  }
  return { width, height, channels, depth: 8 * sampleBytes, samples };
}
