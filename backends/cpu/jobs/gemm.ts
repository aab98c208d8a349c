/** The matrix product with a packed right operand, by blocks of rows. @module */

import { tileRows } from "../descriptions/gemm.ts";
import { type Bench, defineJob, type JobArguments } from "./job.ts";
import { depthBlock } from "./pack.ts";

/** Packed rows of A that stay in the second-level cache. */
const packedABytes = 256 * 1024;
const largestRows = 96;
/** Depth that is packed at once. */
const depthChunk = 2048;
const columnBlock = 384;
/** Room for one tile of up to 32 columns. */
export const edgeBytes = tileRows * 128;

/** Function applied to the finished block; the numbers are those of `activation`. */
export const activationKernelNames = ["", "gelu", "quickGelu", "tanh"] as const;

const fields = [
  "a",
  "aRowBytes",
  "aIsTransposed",
  "b",
  "c",
  "rowBytes",
  "rows",
  "columns",
  "depth",
  "start",
  "startRowBytes",
  "startPanelBytes",
  "activation",
  "activated",
  "rowItems",
  "columnItems",
] as const;

type Values = JobArguments<(typeof fields)[number]>;

/** How a product is divided; any division gives the same bits. */
export interface GemmPlan {
  rowItems: number;
  columnItems: number;
  scratchBytes: number;
}

function even(total: number, parts: number, part: number): number {
  return Math.floor(total * part / parts);
}

/** Few rows are divided by columns as well. */
export function planGemm(
  { rows, columns, depth }: { rows: number; columns: number; depth: number },
  threads: number,
  panelColumns: number,
): GemmPlan {
  const rowPanels = Math.ceil(rows / tileRows);
  const columnPanels = Math.ceil(columns / panelColumns);
  const packedDepth = Math.max(1, Math.min(depth, depthChunk));
  const fitting = Math.floor(packedABytes / (packedDepth * 4 * tileRows));
  const most = Math.min(Math.max(fitting, 4), largestRows / tileRows);
  const wanted = Math.max(Math.ceil(rowPanels / most), Math.min(threads * 4, rowPanels / 4));
  const rowItems = Math.min(rowPanels, Math.ceil(wanted / threads) * threads);
  const columnItems = rowItems >= threads
    ? 1
    : Math.min(Math.ceil(threads * 2 / rowItems), Math.ceil(columnPanels / 4));
  const largestPanels = Math.ceil(rowPanels / rowItems);
  return {
    rowItems,
    columnItems,
    scratchBytes: edgeBytes + largestPanels * tileRows * packedDepth * 4,
  };
}

function packA(bench: Bench, values: Values, firstRow: number, rows: number, step: number): void {
  const { a, aRowBytes, aIsTransposed, depth } = values;
  const last = Math.min(depth, step + depthChunk);
  const paddedRows = Math.ceil(rows / tileRows) * tileRows;
  for (let at = step; at < last; at += depthBlock) {
    const thisDepth = Math.min(depthBlock, last - at);
    const target = bench.scratch + edgeBytes + (at - step) * paddedRows * 4;
    if (aIsTransposed) {
      const source = a + at * aRowBytes + firstRow * 4;
      bench.kernels.packColumns6(source, aRowBytes, rows, thisDepth, target, 1);
    } else {
      const source = a + firstRow * aRowBytes + at * 4;
      bench.kernels.packRows6(source, aRowBytes, rows, thisDepth, target, 1);
    }
  }
}

interface Region {
  firstRow: number;
  rows: number;
  firstColumn: number;
  columns: number;
}

function multiply(bench: Bench, values: Values, region: Region, chunk: number): void {
  const { panelColumns } = bench;
  const { b, c, rowBytes, columns: allColumns, depth } = values;
  const { firstRow, rows, firstColumn, columns } = region;
  const last = Math.min(depth, chunk + depthChunk);
  const paddedRows = Math.ceil(rows / tileRows) * tileRows;
  const paddedColumns = Math.ceil(allColumns / panelColumns) * panelColumns;
  const target = c + firstRow * rowBytes + firstColumn * 4;
  for (let at = chunk; at < last; at += depthBlock) {
    const thisDepth = Math.min(depthBlock, last - at);
    const isFirst = at === 0;
    bench.kernels.gemmBlock(
      thisDepth,
      bench.scratch + edgeBytes + (at - chunk) * paddedRows * 4,
      b + (at * paddedColumns + firstColumn * thisDepth) * 4,
      target,
      rowBytes,
      rows,
      columns,
      isFirst
        ? values.start + firstRow * values.startRowBytes +
          (firstColumn / panelColumns) * values.startPanelBytes
        : target,
      isFirst ? values.startRowBytes : rowBytes,
      isFirst ? values.startPanelBytes : panelColumns * 4,
      bench.scratch,
    );
  }
}

function activate(bench: Bench, values: Values, region: Region): void {
  const { c, activated, rowBytes, activation } = values;
  const apply = bench.kernels[activationKernelNames[activation]];
  for (let row = region.firstRow; row < region.firstRow + region.rows; row++) {
    const offset = row * rowBytes + region.firstColumn * 4;
    apply(c + offset, activated + offset, region.columns);
  }
}

/**
 * c = start + a·b; with `activation` also activated = f(c). `a` is [rows, depth], or [depth, rows]
 * where `aIsTransposed` is 1; `b` is what the pack job made; `start` is a matrix with strides of its
 * own (zero for a bias, or for one zero). The depth must not be 0.
 */
export const gemmJob = defineJob("gemm", fields, (bench, values, item) => {
  const { rows, columns, depth, rowItems, columnItems } = values;
  const rowPanels = Math.ceil(rows / tileRows);
  const { panelColumns } = bench;
  const columnPanels = Math.ceil(columns / panelColumns);
  const rowItem = item % rowItems;
  const columnItem = Math.floor(item / rowItems);
  const firstRow = even(rowPanels, rowItems, rowItem) * tileRows;
  const endRow = Math.min(rows, even(rowPanels, rowItems, rowItem + 1) * tileRows);
  const start = even(columnPanels, columnItems, columnItem) * panelColumns;
  const end = Math.min(columns, even(columnPanels, columnItems, columnItem + 1) * panelColumns);
  if (endRow <= firstRow) return;
  for (let chunk = 0; chunk < depth; chunk += depthChunk) {
    packA(bench, values, firstRow, endRow - firstRow, chunk);
    for (let column = start; column < end; column += columnBlock) {
      const region = {
        firstRow,
        rows: endRow - firstRow,
        firstColumn: column,
        columns: Math.min(columnBlock, end - column),
      };
      multiply(bench, values, region, chunk);
      if (values.activation !== 0 && chunk + depthChunk >= depth) activate(bench, values, region);
    }
  }
});
