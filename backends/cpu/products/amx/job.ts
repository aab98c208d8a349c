/**
 * The matrix product on tile registers. Both operands are packed first, all of them by all threads, since a
 * product takes hardly longer than packing its left operand once for each of several blocks of columns.
 *
 * @module
 */

import { defineJob } from "../../threads/job.ts";
import {
  stepsPerTilePlace,
  tileBlock,
  tilePacking,
  tilePlaceBytes,
  tileScratchBytes,
} from "./panels.ts";

/**
 * Panels of this depth, of a block's rows and columns, fit a second-level cache of 2 MiB: 800 KiB each. A block of
 * half the depth would leave more room to its results, but these would be written and read again for each block.
 */
const largestPlaces = 50;
const largestRows = 256;
const largestColumns = 256;

/** Smaller blocks load more than they multiply. */
const smallestBlock = 64;

/** Items of each thread, so that all finish at about the same time. */
const itemsPerThread = 8;

/** Panels that an item packs. */
const panelsPerItem = 4;

/** Steps of a block of the depth: whole places, about the same for all blocks. */
function depthBlock(depth: number): number {
  const places = Math.ceil(depth / stepsPerTilePlace);
  return Math.ceil(places / Math.ceil(places / largestPlaces)) * stepsPerTilePlace;
}

/** Whether no result has to wait for the rest of the depth. */
export function isOneTileBlock(depth: number): boolean {
  return depth <= largestPlaces * stepsPerTilePlace;
}

/** Bytes of a packed operand of `count` rows or columns. */
export function tilePanelBytes(count: number, depth: number): number {
  const panels = Math.ceil(count / tileBlock.rows);
  return panels * Math.ceil(depth / stepsPerTilePlace) * tilePlaceBytes;
}

/** Items of {@link packTilesJob}. */
export function packTilesItems(count: number, depth: number): number {
  const panels = Math.ceil(count / tileBlock.rows);
  return Math.ceil(depth / depthBlock(depth)) * Math.ceil(panels / panelsPerItem);
}

/**
 * Lays out `source` as blocks of the depth, each of which holds all panels. Its rows are `rowBytes` apart;
 * where `isAlongRows` is 1 it is [count, depth], otherwise [depth, count]. It is float32, or bfloat16 where
 * `isBfloat16` is 1.
 */
export const packTilesJob = defineJob(
  "packTiles",
  ["source", "rowBytes", "isAlongRows", "isLeft", "isBfloat16", "count", "depth", "target"],
  ({ kernels }, values, item) => {
    const { source, rowBytes, isAlongRows, isLeft, count, depth, target } = values;
    const isBfloat16 = values.isBfloat16 === 1;
    const panels = Math.ceil(count / tileBlock.rows);
    const groups = Math.ceil(panels / panelsPerItem);
    const block = depthBlock(depth);
    const at = Math.floor(item / groups) * block;
    const first = (item % groups) * panelsPerItem * tileBlock.rows;
    const used = Math.min(count - first, panelsPerItem * tileBlock.rows);
    const steps = Math.min(block, depth - at);
    const to = target + tilePanelBytes(count, at) + tilePanelBytes(first, steps);
    const { packRows, packColumns } = tilePacking(kernels, isLeft ? "Left" : "Right", isBfloat16);
    const pack = isAlongRows ? packRows : packColumns;
    const bytes = isBfloat16 ? 2 : 4;
    const from = isAlongRows ? first * rowBytes + at * bytes : at * rowBytes + first * bytes;
    pack(source + from, rowBytes, used, steps, to, 1);
  },
);

/** How a product is divided; any division gives the same bits. */
export interface TilePlan {
  readonly rowItems: number;
  readonly columnItems: number;
  readonly scratchBytes: number;
}

/** Blocks that fit the caches, and smaller ones where there would be too few for the threads. */
export function planTiles(
  { rows, columns }: { rows: number; columns: number },
  threads: number,
): TilePlan {
  let rowItems = Math.ceil(rows / largestRows);
  let columnItems = Math.ceil(columns / largestColumns);
  const canSplit = (length: number, items: number) => length / (2 * items) >= smallestBlock;
  while (threads > 1 && rowItems * columnItems < threads * itemsPerThread) {
    if (canSplit(columns, columnItems) && columns / columnItems >= rows / rowItems) {
      columnItems *= 2;
    } else if (canSplit(rows, rowItems)) rowItems *= 2;
    else if (canSplit(columns, columnItems)) columnItems *= 2;
    else break;
  }
  return { rowItems, columnItems, scratchBytes: tileScratchBytes };
}

/** The panels of an item, as rows or columns of the matrix. */
function stretch(length: number, items: number, item: number): { first: number; used: number } {
  const panels = Math.ceil(length / tileBlock.rows);
  const [start, end] = [item, item + 1].map((part) => Math.floor(panels * part / items));
  const first = start * tileBlock.rows;
  return { first, used: Math.min(length, end * tileBlock.rows) - first };
}

/**
 * c = start + a·b, and activated = f(c), with `a` and `b` from {@link packTilesJob}: both in bfloat16, the
 * sums in float32. `start` is a matrix with its own strides. The depth must not be 0. In a `format` of bfloat16, it is
 * one block.
 */
export const tileProductJob = defineJob(
  "tileProduct",
  [
    "a",
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
    "format",
    "isLarge",
    "rowItems",
    "columnItems",
  ],
  ({ kernels, scratch }, values, item) => {
    const { a, b, rows, columns, depth, rowBytes, rowItems, columnItems } = values;
    const down = stretch(rows, rowItems, item % rowItems);
    const along = stretch(columns, columnItems, Math.floor(item / rowItems));
    if (down.used <= 0 || along.used <= 0) return;
    const offset = down.first * rowBytes + along.first * (values.format === 0 ? 4 : 2);
    const target = values.c + offset;
    const panelBytes = tileBlock.columns * 4;
    const start = values.start + down.first * values.startRowBytes +
      along.first / tileBlock.columns * values.startPanelBytes;
    const block = depthBlock(depth);
    for (let at = 0; at < depth; at += block) {
      const steps = Math.min(block, depth - at);
      const isLast = at + steps === depth;
      kernels.tileBlock(
        Math.ceil(steps / stepsPerTilePlace),
        a + tilePanelBytes(rows, at) + tilePanelBytes(down.first, steps),
        b + tilePanelBytes(columns, at) + tilePanelBytes(along.first, steps),
        target,
        rowBytes,
        down.used,
        along.used,
        ...(at === 0
          ? [start, values.startRowBytes, values.startPanelBytes]
          : [target, rowBytes, panelBytes]),
        scratch,
        isLast ? values.activation : 0,
        values.activated + offset,
        values.format,
        values.isLarge,
      );
    }
  },
);
