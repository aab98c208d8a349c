/** Packs the right operand of a matrix product, shared by all threads. @module */

import { pairTiling, type Tiling } from "../tile.ts";
import { defineJob, type KernelTable } from "../../threads/job.ts";
import { type PackPanels, stepsPerTilePlace, tilePacking } from "../amx/panels.ts";

/**
 * Steps of the depth that share a place of a panel, which tells the formats apart: 1 in float32, 2 in
 * bfloat16, 32 in bfloat16 for tile registers.
 */
export type StepsPerPlace = 1 | 2 | typeof stepsPerTilePlace;

/** How products with that many steps in a place are cut, where `tiling` is how those in float32 are. */
export function tilingOf(tiling: Tiling, stepsPerPlace: StepsPerPlace): Tiling {
  return stepsPerPlace === 2 ? pairTiling(tiling) : tiling;
}

/** Steps of a block of the depth: an even number, and about the same for all blocks. */
export function depthBlock(
  depth: number,
  { places }: Pick<Tiling, "places">,
  stepsPerPlace: StepsPerPlace,
): number {
  return 2 * Math.ceil(depth / 2 / Math.ceil(depth / (places * stepsPerPlace)));
}

/** Bytes after the packed panels of a left operand that packing may overwrite. */
export const packingSlack = 64;

const panelsPerItem = 4;

const packers = {
  Left: [["packLeftRows", "packLeftColumns"], ["packLeftRowsInPairs", "packLeftColumnsInPairs"]],
  Right: [["packRightRows", "packRightColumns"], [
    "packRightRowsInPairs",
    "packRightColumnsInPairs",
  ]],
} as const;

/** For sources in bfloat16, whose panels are those of pairs; a scale has no effect. */
function packingOfBfloat16(kernels: KernelTable, side: "Left" | "Right") {
  const packPairs = kernels[`pack${side}RowsOfBfloat16`];
  const packWholeColumns = kernels[`pack${side}ColumnsOfBfloat16`];
  const packRows: PackPanels = (source, rowBytes, count, depth, target) => {
    packPairs(source, rowBytes, count, depth / 2, target, 1);
  };
  const packColumns: PackPanels = (source, rowBytes, count, depth, target) => {
    packWholeColumns(source, rowBytes, count, depth, target, 1, Math.ceil(depth / 2));
  };
  return { packRows, packColumns };
}

/** The kernels that pack panels of the left or right operand. */
export function packing(
  kernels: KernelTable,
  side: "Left" | "Right",
  stepsPerPlace: StepsPerPlace = 1,
  isBfloat16 = false,
): { packRows: PackPanels; packColumns: PackPanels } {
  if (stepsPerPlace === stepsPerTilePlace) return tilePacking(kernels, side, isBfloat16);
  if (isBfloat16) return packingOfBfloat16(kernels, side);
  const [rows, columns] = packers[side][stepsPerPlace - 1];
  const packWholeColumns = kernels[columns];
  return {
    packRows: kernels[rows],
    packColumns: (
      source: number,
      rowBytes: number,
      count: number,
      depth: number,
      target: number,
      scale: number,
    ) => {
      const places = Math.ceil(depth / stepsPerPlace);
      packWholeColumns(source, rowBytes, count, depth, target, scale, places);
    },
  };
}

/** Bytes of a packed right operand. */
export function packedBytes(
  { depth, columns }: { depth: number; columns: number },
  tiling: Tiling,
  stepsPerPlace: StepsPerPlace,
): number {
  const places = Math.ceil(depth / stepsPerPlace);
  return places * Math.ceil(columns / tiling.columns) * tiling.columns * 4;
}

/** Items of {@link packJob}. */
export function packItems(
  { depth, columns }: { depth: number; columns: number },
  tiling: Tiling,
  stepsPerPlace: StepsPerPlace,
): number {
  const panels = Math.ceil(columns / tiling.columns);
  const blocks = Math.ceil(depth / depthBlock(depth, tiling, stepsPerPlace));
  return blocks * Math.ceil(panels / panelsPerItem);
}

/**
 * Lays out `source` as blocks of the depth, each of which holds all panels. The source is
 * [depth, columns], or [columns, depth] where `isTransposed` is 1; its rows are `rowBytes` apart. It is
 * float32, or bfloat16 where `isBfloat16` is 1.
 */
export const packJob = defineJob(
  "pack",
  [
    "source",
    "rowBytes",
    "isTransposed",
    "isBfloat16",
    "depth",
    "columns",
    "stepsPerPlace",
    "target",
  ],
  (bench, values, item) => {
    const { source, rowBytes, isTransposed, depth, columns, target } = values;
    const stepsPerPlace = values.stepsPerPlace as StepsPerPlace;
    const tiling = tilingOf(bench.tile, stepsPerPlace);
    const panelColumns = tiling.columns;
    const panels = Math.ceil(columns / panelColumns);
    const groups = Math.ceil(panels / panelsPerItem);
    const block = depthBlock(depth, tiling, stepsPerPlace);
    const step = Math.floor(item / groups) * block;
    const firstPanel = (item % groups) * panelsPerItem;
    const firstColumn = firstPanel * panelColumns;
    const used = Math.min(columns - firstColumn, panelsPerItem * panelColumns);
    const thisDepth = Math.min(block, depth - step);
    const places = step / stepsPerPlace * panels +
      firstPanel * Math.ceil(thisDepth / stepsPerPlace);
    const to = target + places * panelColumns * 4;
    const isBfloat16 = values.isBfloat16 === 1;
    const { packRows, packColumns } = packing(bench.kernels, "Right", stepsPerPlace, isBfloat16);
    const pack = isTransposed ? packRows : packColumns;
    const bytes = isBfloat16 ? 2 : 4;
    const from = isTransposed
      ? source + firstColumn * rowBytes + step * bytes
      : source + step * rowBytes + firstColumn * bytes;
    pack(from, rowBytes, used, thisDepth, to, 1);
  },
);
