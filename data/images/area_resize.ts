/**
 * OpenCV's `INTER_AREA`, to within one level: an average weighted by overlap if both axes shrink,
 * otherwise linear interpolation from OpenCV's special source positions.
 *
 * @module
 */
import { type RgbImage, roundHalfEven } from "./image.ts";

/** Sparse weights of one axis: output `x` is the sum of `weights[i] · input[start + i]`. */
interface AxisWeights {
  starts: number[];
  weights: number[][];
}

function shrinkWeights(from: number, to: number): AxisWeights {
  const scale = from / to;
  const starts: number[] = [];
  const weights: number[][] = [];
  for (let x = 0; x < to; x++) {
    const low = x * scale;
    const high = low + scale;
    const cell = Math.min(scale, from - low);
    const first = Math.floor(low);
    const last = Math.min(from - 1, Math.ceil(high - 1e-9) - 1);
    const row: number[] = [];
    for (let i = first; i <= last; i++) {
      row.push((Math.min(high, i + 1) - Math.max(low, i)) / cell);
    }
    starts.push(first);
    weights.push(row);
  }
  return { starts, weights };
}

function enlargeWeights(from: number, to: number): AxisWeights {
  const scale = from / to;
  const starts: number[] = [];
  const weights: number[][] = [];
  for (let x = 0; x < to; x++) {
    const position = Math.floor(x * scale);
    let fraction = (x + 1) - (position + 1) / scale;
    fraction = fraction <= 0 ? 0 : fraction - Math.floor(fraction);
    if (position >= from - 1) {
      starts.push(from - 1);
      weights.push([1]);
    } else {
      starts.push(position);
      weights.push([1 - fraction, fraction]);
    }
  }
  return { starts, weights };
}

/** Resizes like `cv2.resize(…, interpolation=cv2.INTER_AREA)` on 8-bit images, to within one level. */
export function areaResize(image: RgbImage, width: number, height: number): RgbImage {
  const axis = width <= image.width && height <= image.height ? shrinkWeights : enlargeWeights;
  const columns = axis(image.width, width);
  const rows = axis(image.height, height);
  const narrow = new Float32Array(image.height * width * 3);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * image.width + columns.starts[x]) * 3;
      const weights = columns.weights[x];
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) {
          sum += weights[i] * image.data[from + i * 3 + channel];
        }
        narrow[(y * width + x) * 3 + channel] = sum;
      }
    }
  }
  const data = new Uint8ClampedArray(width * height * 3);
  const rowLength = width * 3;
  for (let y = 0; y < height; y++) {
    const weights = rows.weights[y];
    const from = rows.starts[y] * rowLength;
    for (let x = 0; x < rowLength; x++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * narrow[from + i * rowLength + x];
      data[y * rowLength + x] = roundHalfEven(sum);
    }
  }
  return { width, height, data: new Uint8Array(data.buffer) };
}
