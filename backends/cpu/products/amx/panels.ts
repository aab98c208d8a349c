/**
 * Panels for tile registers: operands of a product in bfloat16, 32 rows of A or columns of B wide, whose
 * places hold 32 steps of the depth. A place is two tiles.
 *
 * A tile of A is 16 rows of 32 values; one of B is 16 pairs of steps for 16 columns each. An incomplete last place
 * is filled with zeros in both, since zero times whatever the memory held could be NaN.
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

/** Bytes of each of its two tiles. */
export const tileBytes = tilePlaceBytes / 2;

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

/**
 * As `packing` for the other formats: `packRows` where the depth lies along the rows of the source. Sources in
 * bfloat16 may not be transposed, and rows of the left one are whole places.
 */
export function tilePacking(kernels: KernelTable, side: "Left" | "Right", isBfloat16 = false) {
  const isTaken = isBfloat16 ? { Left: "Rows", Right: "Columns" }[side] : null;
  const kernel = (way: "Rows" | "Columns") =>
    kernels[`pack${side}${way}${isTaken === way ? "OfBfloat16" : ""}ForTiles`] as PackPanels;
  return { packRows: kernel("Rows"), packColumns: kernel("Columns") };
}

/**
 * Results of more bytes, twice a second-level cache, are written past the caches, where nothing reads them soon
 * enough: otherwise each line is read from memory before it is overwritten.
 */
export const mostCachedBytes = 4 << 20;

/** Whether a result may be written past the caches: it must be whole vectors at multiples of their bytes. */
export function canPassCaches(
  { address, rowBytes, columns }: { address: number; rowBytes: number; columns: number },
): boolean {
  return address % 64 === 0 && rowBytes % 64 === 0 && columns % tileBlock.columns === 0;
}

/**
 * A block of rows on tiles; the parameters are those of `gemmBlock`, but the depth counts steps. With `isLarge`, the
 * result is written past the caches if that is possible.
 */
export function tileMultiplication(
  kernels: KernelTable,
  isLarge = false,
): (depth: number, ...rest: number[]) => void {
  const [noActivation, float32] = [[0, 0], 0];
  return (depth, ...rest) => {
    const [, , address, rowBytes, , columns] = rest;
    const passes = isLarge && canPassCaches({ address, rowBytes, columns });
    const places = Math.ceil(depth / stepsPerTilePlace);
    kernels.tileBlock(places, ...rest, ...noActivation, float32, Number(passes));
  };
}

/** Whether there are kernels for tiles. */
export function hasTiles(kernels: KernelTable): boolean {
  return "tileBlock" in kernels;
}
