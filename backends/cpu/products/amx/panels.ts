/**
 * Panels for tile registers: operands of a product in bfloat16, 32 rows of A or columns of B wide, whose
 * places hold 32 steps of the depth. A place is two tiles.
 *
 * A place of A is 32 rows of 32 values; one of B is 16 rows of 32 pairs, as for `gemmBlockOfPairs`. An
 * incomplete last place is filled with zeros in both, since zero times whatever the memory held could be NaN.
 *
 * @module
 */

import type { KernelTable } from "../../threads/job.ts";
import type { TileShape } from "../tile.ts";

/** The result of two tiles by two. */
export const tileBlock: TileShape = { rows: 32, columns: 32 };

/** Steps of the depth in a place. */
export const stepsPerTilePlace = 32;

/** Bytes of a place of either side. */
export const tilePlaceBytes = tileBlock.columns * stepsPerTilePlace * 2;

/** Bytes of a place's row of pairs. */
const pairRowBytes = tileBlock.columns * 4;

/** Bytes that the kernel needs to pass results on. */
export const tileScratchBytes = tileBlock.rows * tileBlock.columns * 4;

/** Packs `count` rows or columns, `depth` steps deep; the source's rows are `rowBytes` apart. */
export type PackPanels = (
  source: number,
  rowBytes: number,
  count: number,
  depth: number,
  target: number,
  scale: number,
) => void;

/** The kernels for pairs, and then zeros after the last pair of each panel. */
function rightPacking(
  kernels: KernelTable,
  isBfloat16: boolean,
): { packRows: PackPanels; packColumns: PackPanels } {
  const packPairs = kernels[isBfloat16 ? "packRightColumnsOfBfloat16" : "packRightColumnsInPairs"];
  const { columns } = tileBlock;
  const panelBytesOf = (depth: number) => Math.ceil(depth / stepsPerTilePlace) * tilePlaceBytes;
  const fillTails = (count: number, depth: number, target: number) => {
    const panelBytes = panelBytesOf(depth);
    const written = Math.ceil(depth / 2) * pairRowBytes;
    if (written === panelBytes) return;
    for (let first = 0; first < count; first += columns) {
      kernels.fill(target + written, (panelBytes - written) / 4, 0);
      target += panelBytes;
    }
  };
  return {
    packRows: (source, rowBytes, count, depth, target, scale) => {
      // One by one, since this kernel leaves no room between panels.
      for (let first = 0; first < count; first += columns) {
        const used = Math.min(columns, count - first);
        const to = target + first / columns * panelBytesOf(depth);
        kernels.packRightRowsInPairs(source + first * rowBytes, rowBytes, used, depth, to, scale);
      }
      fillTails(count, depth, target);
    },
    packColumns: (source, rowBytes, count, depth, target, scale) => {
      const places = panelBytesOf(depth) / pairRowBytes;
      packPairs(source, rowBytes, count, depth, target, scale, places);
      fillTails(count, depth, target);
    },
  };
}

/**
 * As `packing` for the other formats: `packRows` where the depth lies along the rows of the source. Sources in
 * bfloat16 may not be transposed, and rows of the left one are whole places.
 */
export function tilePacking(kernels: KernelTable, side: "Left" | "Right", isBfloat16 = false) {
  if (side === "Right") return rightPacking(kernels, isBfloat16);
  const rows = isBfloat16 ? "packLeftRowsOfBfloat16ForTiles" : "packLeftRowsForTiles";
  return {
    packRows: kernels[rows] as PackPanels,
    packColumns: kernels.packLeftColumnsForTiles as PackPanels,
  };
}

/** A block of rows on tiles; the parameters are those of `gemmBlock`, but the depth counts steps. */
export function tileMultiplication(
  kernels: KernelTable,
): (depth: number, ...rest: number[]) => void {
  const noActivation = [0, 0];
  return (depth, ...rest) =>
    kernels.tileBlock(Math.ceil(depth / stepsPerTilePlace), ...rest, ...noActivation);
}

/** Whether there are kernels for tiles. */
export function hasTiles(kernels: KernelTable): boolean {
  return "tileBlock" in kernels;
}
