/**
 * The class of every pixel of a picture: the masks of segmentation data sets.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import type { CropBox, RgbImage } from "./image.ts";

/** A class a pixel, row by row; {@link ignoredLabel} where a pixel does not count. */
export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The label of pixels that do not count. */
export const ignoredLabel = 255;

/**
 * The labels of a decoded mask: the grey levels of its pixels.
 *
 * @param isReduced label 0 is ignored and the others move down by one (ADE20K's `reduce_zero_label`)
 * @throws UserError for a mask with colours, whose classes nothing tells
 */
export function labelsOfImage(image: RgbImage, name: string, isReduced: boolean): LabelMap {
  const { width, height } = image;
  const data = new Uint8Array(width * height);
  for (let pixel = 0; pixel < data.length; pixel++) {
    const label = image.data[pixel * 3];
    if (label !== image.data[pixel * 3 + 1] || label !== image.data[pixel * 3 + 2]) {
      throw new UserError(
        `Cannot read labels from "${name}": expected a grey image whose levels are the classes, ` +
          "found colours",
        { hint: "write the masks as 8-bit grey PNG files" },
      );
    }
    // 0 becomes 255, and 255 stays.
    data[pixel] = isReduced ? (label === 0 || label === 255 ? ignoredLabel : label - 1) : label;
  }
  return { width, height, data };
}

/** Another size by nearest neighbours, as OpenCV's `INTER_NEAREST` chooses them. */
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

/** The labels of `box`, mirrored left to right if `mirrored`; outside the map none count. */
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

/** The largest share that one class has of the labelled pixels of a box; 1 where there is one class. */
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
