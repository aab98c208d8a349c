/** Packs the right operand of a matrix product, shared by all threads. @module */

import { defineJob, type KernelTable } from "./job.ts";

/** Depth of a block: a panel of B of this depth stays in the first-level cache. */
export const depthBlock = 256;

const panelsPerItem = 16;

/** The kernels that pack panels of so many rows of a left or columns of a right operand. */
export function packing(kernels: KernelTable, width: number) {
  return { packRows: kernels[`packRows${width}`], packColumns: kernels[`packColumns${width}`] };
}

/** Bytes of a packed right operand. */
export function packedBytes(depth: number, columns: number, panelColumns: number): number {
  return depth * Math.ceil(columns / panelColumns) * panelColumns * 4;
}

/** Items of {@link packJob}. */
export function packItems(depth: number, columns: number, panelColumns: number): number {
  const panels = Math.ceil(columns / panelColumns);
  return Math.ceil(depth / depthBlock) * Math.ceil(panels / panelsPerItem);
}

/**
 * Lays out `source` as blocks of `depthBlock` steps, each of which holds all panels. The source is
 * [depth, columns], or [columns, depth] where `isTransposed` is 1; its rows are `rowBytes` apart.
 */
export const packJob = defineJob(
  "pack",
  ["source", "rowBytes", "isTransposed", "depth", "columns", "target"],
  (bench, { source, rowBytes, isTransposed, depth, columns, target }, item) => {
    const panelColumns = bench.tile.columns;
    const panels = Math.ceil(columns / panelColumns);
    const groups = Math.ceil(panels / panelsPerItem);
    const step = Math.floor(item / groups) * depthBlock;
    const firstPanel = (item % groups) * panelsPerItem;
    const firstColumn = firstPanel * panelColumns;
    const used = Math.min(columns - firstColumn, panelsPerItem * panelColumns);
    const thisDepth = Math.min(depthBlock, depth - step);
    const to = target + (step * panels + firstPanel * thisDepth) * panelColumns * 4;
    const { packRows, packColumns } = packing(bench.kernels, panelColumns);
    const pack = isTransposed ? packRows : packColumns;
    const from = isTransposed
      ? source + firstColumn * rowBytes + step * 4
      : source + step * rowBytes + firstColumn * 4;
    pack(from, rowBytes, used, thisDepth, to, 1);
  },
);
