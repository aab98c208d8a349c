/**
 * The class of every pixel in an image: the masks of segmentation data sets.
 *
 * @module
 */
import type { CropBox } from "../images/image.ts";

/** One class per pixel, row by row; {@link ignoredLabel} for a pixel that does not count. */
export interface LabelMap {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** One byte per pixel, row by row. */
  readonly data: Uint8Array;
}

/** The label of pixels that do not count. */
export const ignoredLabel = 255;

/** Nearest-neighbour resizing, choosing pixels as OpenCV's `INTER_NEAREST` does. */
export function resizeLabels(map: LabelMap, width: number, height: number): LabelMap {
  const data = new Uint8Array(width * height);
  const columns = Uint32Array.from(
    { length: width },
    (_, x) => Math.min(map.width - 1, Math.floor(x * map.width / width)),
  );
  for (let y = 0; y < height; y++) {
    const from = Math.min(map.height - 1, Math.floor(y * map.height / height)) * map.width;
    for (let x = 0; x < width; x++) data[y * width + x] = map.data[from + columns[x]];
  }
  return { width, height, data };
}

/** The labels in `box`, mirrored left to right if `mirrored`; those outside the map do not count. */
export function cropLabels(map: LabelMap, box: CropBox, mirrored = false): LabelMap {
  const { width, height } = box;
  const data = new Uint8Array(width * height).fill(ignoredLabel);
  for (let y = 0; y < Math.min(height, map.height - box.top); y++) {
    for (let x = 0; x < Math.min(width, map.width - box.left); x++) {
      const label = map.data[(box.top + y) * map.width + box.left + x];
      data[y * width + (mirrored ? width - 1 - x : x)] = label;
    }
  }
  return { width, height, data };
}

/** The largest share of a single class among the labelled pixels in a box; 1 if there is only one class. */
export function largestShare(map: LabelMap, box: CropBox): number {
  const counts = new Uint32Array(256);
  const bottom = Math.min(map.height, box.top + box.height);
  const right = Math.min(map.width, box.left + box.width);
  for (let y = box.top; y < bottom; y++) {
    for (let x = box.left; x < right; x++) counts[map.data[y * map.width + x]]++;
  }
  counts[ignoredLabel] = 0;
  const classes = counts.filter((count) => count > 0);
  if (classes.length < 2) return 1;
  return classes.reduce((a, b) => Math.max(a, b)) / classes.reduce((a, b) => a + b);
}
