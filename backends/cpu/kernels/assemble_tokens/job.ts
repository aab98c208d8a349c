/** The sequence of tokens of a sample. @module */

import { type Bench, defineJob } from "../../threads/job.ts";

/** Rows of one sample. */
function assembleKernel(kernels: Bench["kernels"], mask: number, positions: number) {
  if (mask === 0) return positions === 0 ? kernels.assemblePlain : kernels.assemblePositioned;
  return positions === 0 ? kernels.assembleMasked : kernels.assembleMaskedPositioned;
}

/** An item is a sample; mask, maskToken and positions are 0 if there are none. */
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
