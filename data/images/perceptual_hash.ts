/**
 * What an image looks like, in a few bytes: equal for copies that were scaled or recompressed.
 *
 * @module
 */
import type { RgbImage } from "./image.ts";

const side = 32;
const kept = 8;

/** Bytes in a {@link thumbprint}. */
export const thumbprintBytes = 48;

/** Samples averaged per side of a cell, at most: enough for its mean, and fast. */
const mostSamples = 8;

/** Means of `cells` × `cells` cells covering the whole image, RGB. */
function cellMeans({ width, height, data }: RgbImage, cells: number): Float32Array {
  const means = new Float32Array(cells * cells * 3);
  for (let row = 0; row < cells; row++) {
    const [top, bottom] = [row * height / cells, (row + 1) * height / cells];
    for (let column = 0; column < cells; column++) {
      const [left, right] = [column * width / cells, (column + 1) * width / cells];
      const down = Math.max(1, Math.min(mostSamples, Math.round(bottom - top)));
      const across = Math.max(1, Math.min(mostSamples, Math.round(right - left)));
      const to = (row * cells + column) * 3;
      for (let i = 0; i < down; i++) {
        const y = Math.min(height - 1, Math.floor(top + (i + 0.5) * (bottom - top) / down));
        for (let j = 0; j < across; j++) {
          const x = Math.min(width - 1, Math.floor(left + (j + 0.5) * (right - left) / across));
          const from = (y * width + x) * 3;
          for (let c = 0; c < 3; c++) means[to + c] += data[from + c] / (down * across);
        }
      }
    }
  }
  return means;
}

/** cos((2x + 1) u π ÷ 64) for the frequencies that are kept. */
const cosines = Float32Array.from(
  { length: kept * side },
  (_, at) => Math.cos((2 * (at % side) + 1) * (1 + Math.floor(at / side)) * Math.PI / (2 * side)),
);

/**
 * The 64-bit perceptual hash (pHash): which of the 8 × 8 lowest frequencies of the greyscale image, excluding
 * the mean, are above their median.
 */
export function perceptualHash(image: RgbImage): bigint {
  const means = cellMeans(image, side);
  const grey = Float32Array.from(
    { length: side * side },
    (_, at) => 0.299 * means[at * 3] + 0.587 * means[at * 3 + 1] + 0.114 * means[at * 3 + 2],
  );
  const rows = new Float32Array(side * kept);
  for (let y = 0; y < side; y++) {
    for (let u = 0; u < kept; u++) {
      for (let x = 0; x < side; x++) {
        rows[y * kept + u] += grey[y * side + x] * cosines[u * side + x];
      }
    }
  }
  const values = new Float32Array(kept * kept);
  for (let v = 0; v < kept; v++) {
    for (let u = 0; u < kept; u++) {
      for (let y = 0; y < side; y++) {
        values[v * kept + u] += rows[y * kept + u] * cosines[v * side + y];
      }
    }
  }
  const sorted = values.slice().sort();
  const middle = (sorted[31] + sorted[32]) / 2;
  let hash = 0n;
  for (const value of values) hash = hash << 1n | (value > middle ? 1n : 0n);
  return hash;
}

/** The means of 4 × 4 cells, RGB bytes: they distinguish images whose hashes agree by chance. */
export function thumbprint(image: RgbImage): Uint8Array {
  return Uint8Array.from(cellMeans(image, 4), (mean) => Math.round(mean));
}
