/**
 * The data pipeline's only image type.
 *
 * @module
 */

/** An image of 8-bit RGB samples: `data` has height × width × 3 bytes, row by row. */
export interface RgbImage {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** The samples, ordered by row, column, channel. */
  readonly data: Uint8Array;
}

/** A rectangle of whole pixels inside an image. */
export interface CropBox {
  /** First row. */
  readonly top: number;
  /** First column. */
  readonly left: number;
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/** Rounds halves to even, like Python's `round`; `Math.round` rounds them up. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction < 0.5) return floor;
  if (fraction > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Throws if a box extends beyond its image: rows would run into one another, or be black. */
export function requireInside(box: CropBox, { width, height }: Omit<RgbImage, "data">): void {
  const { top, left } = box;
  const isInside = top >= 0 && left >= 0 && top + box.height <= height && left + box.width <= width;
  if (isInside) return;
  throw new RangeError(
    `Cannot crop ${box.width} × ${box.height} pixels at column ${left}, row ${top}: ` +
      `the image is ${width} × ${height}`,
  );
}

/**
 * A copy of the pixels in `box`, mirrored left to right if `mirrored`.
 *
 * @throws RangeError if the box extends beyond the image
 */
export function crop(image: RgbImage, box: CropBox, mirrored = false): RgbImage {
  requireInside(box, image);
  const { width, height } = box;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const start = ((box.top + y) * image.width + box.left) * 3;
    const row = image.data.subarray(start, start + width * 3);
    if (mirrored) writeMirrored(row, data, y * width * 3, width);
    else data.set(row, y * width * 3);
  }
  return { width, height, data };
}

/** Writes a row of `width` pixels in reverse order at `offset` in `target`. */
export function writeMirrored(
  row: Uint8Array,
  target: Uint8Array,
  offset: number,
  width: number,
): void {
  let to = offset + (width - 1) * 3;
  for (let from = 0; from < width * 3; from += 3, to -= 3) {
    target[to] = row[from];
    target[to + 1] = row[from + 1];
    target[to + 2] = row[from + 2];
  }
}

/** The image, mirrored left to right. */
export function flipHorizontally(image: RgbImage): RgbImage {
  return crop(image, { top: 0, left: 0, width: image.width, height: image.height }, true);
}
