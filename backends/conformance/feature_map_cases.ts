/** Cases for the ops on feature maps. @module */

import { batchNorm } from "../ops/batch_norm.ts";
import { convolution } from "../ops/convolution.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import type { ConformanceCase } from "./case.ts";
import { allPrecisions, opCases } from "./op_case.ts";
import * as oracles from "./oracles.ts";

/** Means and variances of the columns of `x` [..., C]. */
function columnStatistics({ shape, data }: oracles.Values) {
  const width = shape[shape.length - 1];
  const rows = data.length / width;
  const mean = oracles.fill([width], (c) => {
    return oracles.sumOf(rows, (row) => data[row * width + c]) / rows;
  });
  const variance = oracles.fill([width], (c) => {
    return oracles.sumOf(rows, (row) => (data[row * width + c] - mean.data[c]) ** 2) / rows;
  });
  return { mean, variance };
}

function batchNormCase(shape: readonly number[]): ConformanceCase[] {
  const width = shape[shape.length - 1];
  const epsilon = 1e-5;
  return opCases({
    op: "batchNorm",
    inputs: { x: { shape }, weight: { shape: [width] }, bias: { shape: [width] } },
    apply: (on, { x, weight, bias }) => ({ ...batchNorm(on, x, weight, bias, epsilon) }),
    oracle: ({ x, weight, bias }) => {
      const { mean, variance } = columnStatistics(x);
      const y = oracles.fill(shape, (i) => {
        const c = i % width;
        const scale = weight.data[c] / Math.sqrt(variance.data[c] + epsilon);
        return (x.data[i] - mean.data[c]) * scale + bias.data[c];
      });
      return { y, mean, variance };
    },
    gradients: ["x", "weight", "bias"],
  });
}

/** A map [batch, height, width, inputs] and a kernel of `side`². */
function convolutionCase(map: readonly number[], outputs: number, side: number) {
  const [batch, height, width, inputs] = map;
  const reach = (side - 1) / 2;
  const fanIn = inputs * side * side;
  return opCases({
    op: "convolution",
    inputs: {
      x: { shape: map },
      weight: {
        shape: [outputs, inputs, side, side],
        value: (_index, generator) => generator.normal(0, fanIn ** -0.5),
      },
    },
    apply: (on, { x, weight }) => ({ y: convolution(on, x, weight) }),
    oracle: ({ x, weight }) => ({
      y: oracles.fill([batch, height, width, outputs], (i) => {
        const [output, pixel] = [i % outputs, Math.floor(i / outputs)];
        const [column, line] = [pixel % width, Math.floor(pixel / width)];
        const [row, image] = [line % height, Math.floor(line / height)];
        return oracles.sumOf(fanIn, (term) => {
          const [dx, dy] = [term % side - reach, Math.floor(term / side) % side - reach];
          const input = Math.floor(term / side ** 2);
          const [r, c] = [row + dy, column + dx];
          if (r < 0 || r >= height || c < 0 || c >= width) return 0;
          const at = ((image * height + r) * width + c) * inputs + input;
          return x.data[at] * weight.data[output * fanIn + term];
        });
      }),
    }),
    gradients: ["x", "weight"],
    precisions: allPrecisions,
  });
}

/** The two pixels adjacent to a position on the longer or shorter axis, with the weight of the second. */
function between(place: number, from: number, to: number): [number, number, number] {
  const exact = Math.min(from - 1, Math.max(0, (place + 0.5) * from / to - 0.5));
  const first = Math.floor(exact);
  return [first, Math.min(from - 1, first + 1), exact - first];
}

function resizeBilinearCase(map: readonly number[], height: number, width: number) {
  const [batch, rows, columns, channels] = map;
  return opCases({
    op: "resizeBilinear",
    variant: `to ${height} x ${width}`,
    inputs: { x: { shape: map } },
    apply: (on, { x }) => ({ y: resizeBilinear(on, x, height, width) }),
    oracle: ({ x }) => ({
      y: oracles.fill([batch, height, width, channels], (i) => {
        const [channel, pixel] = [i % channels, Math.floor(i / channels)];
        const line = Math.floor(pixel / width);
        const image = Math.floor(line / height);
        const at = (row: number, column: number) => {
          return x.data[((image * rows + row) * columns + column) * channels + channel];
        };
        const [top, bottom, down] = between(line % height, rows, height);
        const [left, right, across] = between(pixel % width, columns, width);
        const along = (row: number) => at(row, left) * (1 - across) + at(row, right) * across;
        return along(top) * (1 - down) + along(bottom) * down;
      }),
    }),
    gradients: ["x"],
  });
}

/** Convolution, batch norm and resizing. */
export function featureMapCases(): ConformanceCase[] {
  return [
    ...convolutionCase([2, 3, 4, 5], 6, 1),
    ...convolutionCase([1, 1, 1, 1], 1, 3),
    ...convolutionCase([2, 4, 5, 3], 4, 3),
    ...convolutionCase([1, 6, 6, 4], 8, 5),
    ...batchNormCase([5, 1]),
    ...batchNormCase([17, 5]),
    ...batchNormCase([2, 3, 4, 7]),
    ...resizeBilinearCase([1, 1, 2, 1], 1, 4),
    ...resizeBilinearCase([2, 3, 5, 4], 6, 10),
    ...resizeBilinearCase([1, 7, 6, 3], 4, 5),
  ];
}
