/** The matrix product with a packed right operand, by blocks of rows. @module */

import { type Bench, defineJob, type JobArguments } from "../../threads/job.ts";
import { depthBlock, packing, packingSlack, type StepsPerPlace, tilingOf } from "../pack/job.ts";
import { rowsWithin } from "../caches.ts";
import { type Tiling, usualTiling, wideTiling, wideTilingNames } from "../tile.ts";

/** Fewer rows are not worth a separate item. */
const smallestRows = 24;
/** Items of one panel of rows that each thread should get, so that all finish at about the same time. */
const smallestShare = 12;
/** Panels of columns whose activation is computed together, while the results are in the second-level cache. */
const panelsActivated = 8;
/** Room for one tile. */
export const edgeBytes = Math.max(
  ...[usualTiling(16), ...wideTilingNames.map((name) => wideTiling(name))].map((
    { rows, columns },
  ) => rows * columns * 4),
);

/** Function applied to the finished block; the numbers are those of `activation`. */
export const activationKernelNames = ["", "gelu", "quickGelu", "tanh"] as const;

const fields = [
  "a",
  "aRowBytes",
  "aIsTransposed",
  "aIsBfloat16",
  "b",
  "c",
  "rowBytes",
  "rows",
  "columns",
  "depth",
  "stepsPerPlace",
  "start",
  "startRowBytes",
  "startPanelBytes",
  "activation",
  "activated",
  "kept",
  "activatedIsBfloat16",
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

/**
 * Where a part starts when parts get smaller towards the end, so that threads of unequal speed finish
 * at about the same time. The first part is twice as large as an even one.
 */
function tapering(total: number, parts: number, part: number): number {
  return Math.floor(total * (1 - (1 - part / parts) ** 2));
}

/**
 * Products with few rows are divided by columns as well. Where a result `stays`, only its activation is
 * written, and the scratch memory has room for a part of it.
 */
export function planGemm(
  { rows, columns, depth, stays = false }: {
    rows: number;
    columns: number;
    depth: number;
    stays?: boolean;
  },
  threads: number,
  tile: Tiling,
  stepsPerPlace: StepsPerPlace,
): GemmPlan {
  const rowPanels = Math.ceil(rows / tile.rows);
  const columnPanels = Math.ceil(columns / tile.columns);
  const blocks = Math.ceil(2 * rows / rowsWithin(tile));
  const wanted = Math.max(blocks, Math.min(threads * 4, rows / smallestRows));
  const rowItems = Math.min(rowPanels, Math.ceil(wanted / threads) * threads);
  // The last item should be small compared with a thread's share.
  const columnItems = threads === 1 ? 1 : Math.max(
    1,
    Math.min(Math.ceil(threads * smallestShare / rowPanels), Math.floor(columnPanels / 4)),
  );
  const itemRows = (tapering(rowPanels, rowItems, 1) + 1) * tile.rows;
  const places = Math.ceil(depthBlock(depth, tile, stepsPerPlace) / stepsPerPlace);
  const resultBytes = stays ? itemRows * panelsActivated * tile.columns * 4 : 0;
  const scratchBytes = edgeBytes + packedRowsBytes(itemRows, places) + resultBytes;
  return { rowItems, columnItems, scratchBytes };
}

/** Bytes of packed rows of A, and what packing may overwrite. */
function packedRowsBytes(rows: number, places: number): number {
  return rows * places * 4 + packingSlack;
}

interface Region {
  firstRow: number;
  rows: number;
  firstColumn: number;
  columns: number;
}

function tilingFor({ tile }: Bench, { stepsPerPlace }: Values): Tiling {
  return tilingOf(tile, stepsPerPlace as StepsPerPlace);
}

/** Packs the region's rows of A, starting at step `at` of the depth. */
function packA(bench: Bench, values: Values, region: Region, at: number, depth: number): void {
  const { a, aRowBytes, aIsTransposed } = values;
  const { firstRow, rows } = region;
  const target = bench.scratch + edgeBytes;
  const stepsPerPlace = values.stepsPerPlace as StepsPerPlace;
  const isBfloat16 = values.aIsBfloat16 === 1;
  const bytes = isBfloat16 ? 2 : 4;
  const { packRows, packColumns } = packing(bench.kernels, "Left", stepsPerPlace, isBfloat16);
  if (aIsTransposed) {
    packColumns(a + at * aRowBytes + firstRow * bytes, aRowBytes, rows, depth, target, 1);
  } else {
    packRows(a + firstRow * aRowBytes + at * bytes, aRowBytes, rows, depth, target, 1);
  }
}

/** Adds the products of `depth` steps of the depth; the first ones are added to `start`. */
function multiply(bench: Bench, values: Values, region: Region, at: number, depth: number): void {
  const { b, c, rowBytes, columns: allColumns, stepsPerPlace } = values;
  const panelColumns = tilingFor(bench, values).columns;
  const { firstRow, rows, firstColumn, columns } = region;
  const paddedColumns = Math.ceil(allColumns / panelColumns) * panelColumns;
  const target = c + firstRow * rowBytes + firstColumn * 4;
  const isFirst = at === 0;
  const places = Math.ceil(depth / stepsPerPlace);
  const { gemmBlock, gemmBlockOfPairs } = bench.kernels;
  const multiplyBlock = stepsPerPlace === 2 ? gemmBlockOfPairs : gemmBlock;
  multiplyBlock(
    places,
    bench.scratch + edgeBytes,
    b + (at / stepsPerPlace * paddedColumns + firstColumn * places) * 4,
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

/** The activation of the region of a result that starts at `c`. */
function activate(
  bench: Bench,
  values: Values,
  region: Region,
  { c, rowBytes: cRowBytes }: Pick<Values, "c" | "rowBytes">,
): void {
  const { activated, activatedIsBfloat16, kept, rowBytes, activation } = values;
  const { narrow } = bench.kernels;
  const apply = bench.kernels[activationKernelNames[activation]];
  for (let row = region.firstRow; row < region.firstRow + region.rows; row++) {
    const from = c + row * cRowBytes + region.firstColumn * 4;
    const offset = row * rowBytes + region.firstColumn * 4;
    if (kept !== 0) narrow(from, kept + offset / 2, region.columns);
    if (activatedIsBfloat16 === 1) {
      apply(from, from, region.columns);
      narrow(from, activated + offset / 2, region.columns);
    } else {
      apply(from, activated + offset, region.columns);
    }
  }
}

/** Where `c` would start, with that distance of rows, for the region to lie in the thread's scratch memory. */
function inScratch(bench: Bench, values: Values, region: Region) {
  const tiling = tilingFor(bench, values);
  const places = Math.ceil(values.depth / values.stepsPerPlace);
  const packedRows = Math.ceil(region.rows / tiling.rows) * tiling.rows;
  const start = bench.scratch + edgeBytes + packedRowsBytes(packedRows, places);
  const rowBytes = panelsActivated * tiling.columns * 4;
  return { c: start - region.firstRow * rowBytes - region.firstColumn * 4, rowBytes };
}

/** {@link multiply}, with the activation of each part while it is still in the second-level cache. */
function multiplyAndActivate(
  bench: Bench,
  values: Values,
  region: Region,
  at: number,
  depth: number,
): void {
  const width = panelsActivated * tilingFor(bench, values).columns;
  for (let first = 0; first < region.columns; first += width) {
    const columns = Math.min(width, region.columns - first);
    const part = { ...region, firstColumn: region.firstColumn + first, columns };
    const result = values.c === 0 ? inScratch(bench, values, part) : values;
    multiply(bench, { ...values, c: result.c, rowBytes: result.rowBytes }, part, at, depth);
    activate(bench, values, part, result);
  }
}

/**
 * c = start + a·b; with `activation` also activated = f(c), in bfloat16 where `activatedIsBfloat16` is 1, and
 * where `kept` is not 0, c as bfloat16 there. Where `c` is 0, the result is not kept in float32, which takes a
 * depth of one block. `a` is [rows, depth], or [depth, rows] where `aIsTransposed` is 1; `b` comes from the pack
 * job; `start` is a matrix with its own strides (zero for a bias, or for one zero). The depth must not be 0. With
 * two steps in a place both operands are rounded to bfloat16, unless they are already; the sums are float32.
 */
export const gemmJob = defineJob("gemm", fields, (bench, values, item) => {
  const { rows, columns, depth, rowItems, columnItems } = values;
  const tiling = tilingFor(bench, values);
  const { rows: tileRows, columns: panelColumns } = tiling;
  const rowPanels = Math.ceil(rows / tileRows);
  const columnPanels = Math.ceil(columns / panelColumns);
  const rowItem = item % rowItems;
  const columnItem = Math.floor(item / rowItems);
  const firstRow = tapering(rowPanels, rowItems, rowItem) * tileRows;
  const endRow = Math.min(rows, tapering(rowPanels, rowItems, rowItem + 1) * tileRows);
  const start = even(columnPanels, columnItems, columnItem) * panelColumns;
  const end = Math.min(columns, even(columnPanels, columnItems, columnItem + 1) * panelColumns);
  const region = { firstRow, rows: endRow - firstRow, firstColumn: start, columns: end - start };
  if (region.rows <= 0 || region.columns <= 0) return;
  const block = depthBlock(depth, tiling, values.stepsPerPlace as StepsPerPlace);
  for (let at = 0; at < depth; at += block) {
    const thisDepth = Math.min(block, depth - at);
    packA(bench, values, region, at, thisDepth);
    const isLast = at + thisDepth === depth;
    const run = isLast && values.activation !== 0 ? multiplyAndActivate : multiply;
    run(bench, values, region, at, thisDepth);
  }
});
