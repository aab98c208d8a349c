/** What the tokens report shows of images and codes. */
import type { LoadedBatch } from "../../data/loader/loader.ts";
import { principalComponents } from "../../models/principal_components.ts";
import type { RgbPicture } from "../../report/png.ts";

/** Images kept in memory to show them. */
const keptImages = 400;
const shownImages = 12;
const shownCodes = 24;
const patchesOfCode = 12;

/** An image kept to be shown. */
export interface KeptImage {
  readonly id: string;
  readonly label: number;
  readonly pixels: Uint8Array;
  readonly tokens: Int32Array;
}

/** Keeps the first images. */
export function keep(kept: KeptImage[]): (batch: LoadedBatch, ids: Int32Array) => void {
  return ({ size, pixels, labels, ids: names }, tokens) => {
    const [bytes, patches] = [pixels.length / size, tokens.length / size];
    for (let i = 0; i < size && kept.length < keptImages; i++) {
      kept.push({
        id: names[i],
        label: labels[i],
        pixels: pixels.slice(i * bytes, (i + 1) * bytes),
        tokens: tokens.slice(i * patches, (i + 1) * patches),
      });
    }
  };
}

/** The most used codes, with their share of the tokens. */
export function mostUsed(hits: Readonly<Float32Array>): { code: number; share: number }[] {
  const total = hits.reduce((sum, n) => sum + n, 0);
  return Array.from(hits, (n, code) => ({ code, share: n / total }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || a.code - b.code)
    .slice(0, shownCodes);
}

/** Images of as many classes as possible, in turn. */
export function chooseImages(kept: readonly KeptImage[]): KeptImage[] {
  const seen = new Map<number, number>();
  const ranked = kept.map((image, index) => {
    const round = seen.get(image.label) ?? 0;
    seen.set(image.label, round + 1);
    return { image, round, index };
  });
  ranked.sort((a, b) => a.round - b.round || a.index - b.index);
  return ranked.slice(0, shownImages).map(({ image }) => image);
}

/** Patches with a code, from different images. */
export function patchesOf(
  code: number,
  kept: readonly KeptImage[],
  imageSize: number,
  patchSize: number,
): RgbPicture[] {
  const grid = imageSize / patchSize;
  const found: RgbPicture[] = [];
  for (const { pixels, tokens } of kept) {
    if (found.length === patchesOfCode) break;
    const places = [...tokens.keys()].filter((index) => tokens[index] === code);
    if (places.length === 0) continue;
    // The one in the middle of the list: for a background code, not always the first corner.
    const place = places[Math.floor(places.length / 2)];
    const [top, left] = [Math.floor(place / grid) * patchSize, place % grid * patchSize];
    found.push(framed(pixels, imageSize, patchSize, top, left));
  }
  return found;
}

/** Minimum side, in pixels, of a patch shown with its surroundings. */
const framedSize = 60;
const [outside, frame] = [128, [255, 196, 0]];

/** A patch among its neighbours, enlarged by an integer factor, with a frame around it. */
function framed(
  pixels: Uint8Array,
  imageSize: number,
  patchSize: number,
  top: number,
  left: number,
): RgbPicture {
  const side = 3 * patchSize;
  const scale = Math.max(1, Math.round(framedSize / side));
  const size = side * scale;
  const data = new Uint8Array(size * size * 3).fill(outside);
  const [first, last] = [patchSize * scale - 1, 2 * patchSize * scale];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = (y * size + x) * 3;
      const isWithin = x >= first && x <= last && y >= first && y <= last;
      if (isWithin && (x === first || x === last || y === first || y === last)) {
        data.set(frame, at);
        continue;
      }
      const row = top - patchSize + Math.floor(y / scale);
      const column = left - patchSize + Math.floor(x / scale);
      if (row < 0 || column < 0 || row >= imageSize || column >= imageSize) continue;
      const from = (row * imageSize + column) * 3;
      data.set(pixels.subarray(from, from + 3), at);
    }
  }
  return { width: size, height: size, data };
}

/**
 * Colours [K, 3] for code vectors [K, D]: their coordinates along the three directions of largest variance.
 */
export function codeColors(vectors: Float32Array, dim: number): Uint8Array {
  const codes = vectors.length / dim;
  const { components, mean } = principalComponents(vectors, dim, 3);
  const colors = new Uint8Array(codes * 3);
  for (let channel = 0; channel < 3; channel++) {
    const places = Array.from({ length: codes }, (_, code) => {
      let place = 0;
      for (let i = 0; i < dim; i++) {
        place += (vectors[code * dim + i] - mean[i]) * components[channel * dim + i];
      }
      return place;
    });
    // By rank, so that the colours differ however the vectors are distributed.
    const order = [...places.keys()].sort((a, b) => places[a] - places[b]);
    for (const [rank, code] of order.entries()) {
      colors[code * 3 + channel] = 40 + Math.round(200 * rank / Math.max(1, codes - 1));
    }
  }
  return colors;
}
