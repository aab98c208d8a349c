/** Jobs over rows of a matrix: normalisations, residuals, codes and their gradients. @module */

import { type Bench, defineJob } from "./job.ts";

/** Stretches that a gradient is summed over separately; fixed, so that the order of sums is. */
const largestStretches = 32;
const smallestStretch = 16;

/** How rows are divided where sums over rows are wanted. */
export function stretchRows(rows: number): { stretches: number; length: number } {
  const length = Math.max(smallestStretch, Math.ceil(rows / largestStretches));
  return { stretches: Math.ceil(rows / length), length };
}

/** The rows of an item. */
function rowsOf(rows: number, length: number, item: number): { first: number; used: number } {
  const first = item * length;
  return { first, used: Math.min(length, rows - first) };
}

export const layerNormJob = defineJob(
  "layerNorm",
  ["x", "weight", "bias", "y", "statistics", "rows", "columns", "length", "epsilon"],
  ({ kernels }, values, item) => {
    const { x, weight, bias, y, statistics, rows, columns, length, epsilon } = values;
    const { first, used } = rowsOf(rows, length, item);
    const offset = first * columns * 4;
    const to = statistics + first * 8;
    kernels.layerNorm(
      x + offset,
      weight,
      bias,
      y + offset,
      to,
      used,
      columns,
      epsilon,
      1 / columns,
    );
  },
);

/** `dweights` and `dbiases` are [stretches, columns]. */
export const layerNormBackwardJob = defineJob(
  "layerNormBackward",
  [
    "dy",
    "x",
    "weight",
    "statistics",
    "dx",
    "dweights",
    "dbiases",
    "rows",
    "columns",
    "length",
  ],
  ({ kernels }, values, item) => {
    const { rows, columns, length, weight } = values;
    const { first, used } = rowsOf(rows, length, item);
    const offset = first * columns * 4;
    const dweight = values.dweights + item * columns * 4;
    const dbias = values.dbiases + item * columns * 4;
    kernels.fill(dweight, columns, 0);
    kernels.fill(dbias, columns, 0);
    kernels.layerNormBackward(
      values.dy + offset,
      values.x + offset,
      weight,
      values.statistics + first * 8,
      values.dx + offset,
      dweight,
      dbias,
      used,
      columns,
      1 / columns,
    );
  },
);

/** Calls `visit` for each run of rows of one sample in a stretch. */
function forSamples(
  first: number,
  used: number,
  rowsPerSample: number,
  visit: (sample: number, row: number, rows: number) => void,
): void {
  for (let row = first; row < first + used;) {
    const sample = Math.floor(row / rowsPerSample);
    const end = Math.min(first + used, (sample + 1) * rowsPerSample);
    visit(sample, row, end - row);
    row = end;
  }
}

/** `keepStep` is 4, or 0 where all samples share one factor; gamma 0 means none. */
export const residualJob = defineJob(
  "residual",
  ["x", "branch", "gamma", "keep", "keepStep", "y", "rows", "columns", "length", "perSample"],
  ({ kernels }, values, item) => {
    const { x, branch, gamma, keep, keepStep, y, rows, columns, length, perSample } = values;
    const { first, used } = rowsOf(rows, length, item);
    const kernel = gamma === 0 ? kernels.residual : kernels.residualScaled;
    forSamples(first, used, perSample, (sample, row, count) => {
      const offset = row * columns * 4;
      const factor = keep + sample * keepStep;
      kernel(x + offset, branch + offset, gamma, factor, y + offset, count, columns);
    });
  },
);

/** `dgammas` is [stretches, columns]; unused without gamma. */
export const residualBackwardJob = defineJob(
  "residualBackward",
  [
    "dy",
    "branch",
    "gamma",
    "keep",
    "keepStep",
    "dbranch",
    "dgammas",
    "rows",
    "columns",
    "length",
    "perSample",
  ],
  ({ kernels }, values, item) => {
    const { dy, branch, gamma, keep, keepStep, dbranch, rows, columns } = values;
    const { first, used } = rowsOf(rows, values.length, item);
    const dgamma = values.dgammas + item * columns * 4;
    if (gamma !== 0) kernels.fill(dgamma, columns, 0);
    const kernel = gamma === 0 ? kernels.residualBackward : kernels.residualScaledBackward;
    forSamples(first, used, values.perSample, (sample, row, count) => {
      const offset = row * columns * 4;
      const factor = keep + sample * keepStep;
      kernel(
        dy + offset,
        branch + offset,
        gamma,
        factor,
        dbranch + offset,
        dgamma,
        count,
        columns,
      );
    });
  },
);

export const normalizeJob = defineJob(
  "normalize",
  ["x", "y", "norms", "rows", "columns", "length"],
  ({ kernels }, { x, y, norms, rows, columns, length }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    const offset = first * columns * 4;
    kernels.normalize(x + offset, y + offset, norms + first * 4, used, columns);
  },
);

export const normalizeBackwardJob = defineJob(
  "normalizeBackward",
  ["dy", "y", "norms", "dx", "rows", "columns", "length"],
  ({ kernels }, { dy, y, norms, dx, rows, columns, length }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    const offset = first * columns * 4;
    const from = norms + first * 4;
    kernels.normalizeBackward(dy + offset, y + offset, from, dx + offset, used, columns);
  },
);

export const cosineJob = defineJob(
  "cosine",
  ["prediction", "target", "result", "rows", "columns", "length"],
  ({ kernels }, { prediction, target, result, rows, columns, length }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    const offset = first * columns * 4;
    kernels.cosine(prediction + offset, target + offset, result + first * 12, used, columns);
  },
);

export const cosineBackwardJob = defineJob(
  "cosineBackward",
  ["prediction", "target", "result", "dprediction", "rows", "columns", "length", "factor"],
  ({ kernels }, values, item) => {
    const { prediction, target, result, dprediction, rows, columns, length, factor } = values;
    const { first, used } = rowsOf(rows, length, item);
    const offset = first * columns * 4;
    kernels.cosineBackward(
      prediction + offset,
      target + offset,
      result + first * 12,
      dprediction + offset,
      used,
      columns,
      factor,
    );
  },
);

/** Scores of a chunk of codes into the best of each row. */
export const bestColumnJob = defineJob(
  "bestColumn",
  ["scores", "rows", "columns", "base", "state", "length"],
  ({ kernels }, { scores, rows, columns, base, state, length }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    const from = scores + first * columns * 4;
    kernels.bestColumn(from, columns * 4, used, columns, base, state + first * 8);
  },
);

/** Logits of a chunk of the vocabulary into the state of each row. */
export const logitStatisticsJob = defineJob(
  "logitStatistics",
  ["logits", "rows", "columns", "base", "targets", "state", "length"],
  ({ kernels }, { logits, rows, columns, base, targets, state, length }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    kernels.logitStatistics(
      logits + first * columns * 4,
      columns * 4,
      used,
      columns,
      base,
      targets + first * 4,
      state + first * 16,
    );
  },
);

/** Logits of a chunk become their gradients. */
export const logitGradientsJob = defineJob(
  "logitGradients",
  ["logits", "rows", "columns", "base", "targets", "state", "length", "factor"],
  ({ kernels }, { logits, rows, columns, base, targets, state, length, factor }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    kernels.logitGradients(
      logits + first * columns * 4,
      columns * 4,
      used,
      columns,
      base,
      targets + first * 4,
      state + first * 16,
      factor,
    );
  },
);

export const gatherRowsJob = defineJob(
  "gatherRows",
  ["source", "index", "target", "rows", "columns", "length"],
  ({ kernels }, { source, index, target, rows, columns, length }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    kernels.gatherRows(source, index + first * 4, target + first * columns * 4, used, columns);
  },
);

/** Adds to the rows; an item's are no other's. */
export const scatterRowsJob = defineJob(
  "scatterRows",
  ["source", "index", "target", "rows", "columns", "length"],
  ({ kernels }, { source, index, target, rows, columns, length }, item) => {
    const { first, used } = rowsOf(rows, length, item);
    kernels.scatterRows(source + first * columns * 4, index + first * 4, target, used, columns);
  },
);

export const codebookUpdateJob = defineJob(
  "codebookUpdate",
  ["codebook", "counts", "sums", "updated", "rows", "columns", "length", "decay"],
  ({ kernels }, values, item) => {
    const { codebook, counts, sums, updated, rows, columns, length, decay } = values;
    const { first, used } = rowsOf(rows, length, item);
    const offset = first * columns * 4;
    kernels.codebookUpdate(
      codebook + offset,
      counts + first * 4,
      sums + offset,
      updated + offset,
      used,
      columns,
      decay,
      1 - decay,
    );
  },
);

/** Rows of one sample. */
function assembleKernel(kernels: Bench["kernels"], mask: number, positions: number) {
  if (mask === 0) return positions === 0 ? kernels.assemblePlain : kernels.assemblePositioned;
  return positions === 0 ? kernels.assembleMasked : kernels.assembleMaskedPositioned;
}

/** An item is a sample; mask, maskToken and positions are 0 where there are none. */
export const assembleTokensJob = defineJob(
  "assembleTokens",
  ["patches", "mask", "maskToken", "clsToken", "positions", "y", "rows", "columns"],
  ({ kernels }, values, item) => {
    const { patches, mask, maskToken, clsToken, positions, y, rows, columns } = values;
    const rowBytes = columns * 4;
    const sample = y + item * (rows + 1) * rowBytes;
    const first = positions === 0 ? kernels.assemblePlain : kernels.assemblePositioned;
    first(clsToken, 0, 0, positions, sample, 1, columns);
    assembleKernel(kernels, mask, positions)(
      patches + item * rows * rowBytes,
      mask + item * rows * 4,
      maskToken,
      positions + rowBytes,
      sample + rowBytes,
      rows,
      columns,
    );
  },
);

/** An item is a sample; `dmaskTokens` is [samples, columns]. */
export const assembleTokensBackwardJob = defineJob(
  "assembleTokensBackward",
  ["dy", "mask", "dpatches", "dmaskTokens", "rows", "columns"],
  ({ kernels }, { dy, mask, dpatches, dmaskTokens, rows, columns }, item) => {
    const rowBytes = columns * 4;
    const from = dy + (item * (rows + 1) + 1) * rowBytes;
    const to = dpatches + item * rows * rowBytes;
    if (mask === 0) {
      kernels.copyRows(from, rowBytes, to, rowBytes, rows, columns);
      return;
    }
    const token = dmaskTokens + item * rowBytes;
    kernels.fill(token, columns, 0);
    kernels.assembleBackward(from, mask + item * rows * 4, to, token, rows, columns);
  },
);

/** An item is a head: y[head] from its column of the table. */
export const relativePositionBiasJob = defineJob(
  "relativePositionBias",
  ["table", "index", "y", "count", "heads"],
  ({ kernels }, { table, index, y, count, heads }, item) => {
    kernels.gatherElements(table + item * 4, heads * 4, index, y + item * count * 4, count);
  },
);

/** An item is a head; `dtable` must be zero before. */
export const relativePositionBiasBackwardJob = defineJob(
  "relativePositionBiasBackward",
  ["dy", "index", "dtable", "count", "heads"],
  ({ kernels }, { dy, index, dtable, count, heads }, item) => {
    kernels.scatterElements(dtable + item * 4, heads * 4, index, dy + item * count * 4, count);
  },
);

/** An item is a row of patches of an image: patch by patch, each channel's square of pixels. */
export const patchesJob = defineJob(
  "patches",
  ["images", "patches", "channels", "height", "width", "patchSize"],
  ({ kernels }, { images, patches, channels, height, width, patchSize }, item) => {
    const [down, across] = [height / patchSize, width / patchSize];
    const image = Math.floor(item / down);
    const row = image * channels * height + (item % down) * patchSize;
    kernels.patches(
      images + row * width * 4,
      width * 4,
      height * width * 4,
      patches + item * across * channels * patchSize * patchSize * 4,
      across,
      channels,
      patchSize,
    );
  },
);
