/** Products of packed panels by one thread, in whichever format the panels are. @module */

import type { KernelTable } from "../threads/job.ts";
import {
  mostCachedBytes,
  stepsPerTilePlace,
  tileBlock,
  tileMultiplication,
  tileScratchBytes,
} from "./amx/panels.ts";
import { edgeBytes } from "./gemm/job.ts";
import { packing, type StepsPerPlace, tilingOf } from "./pack/job.ts";
import type { TileShape, Tiling } from "./tile.ts";

/** Room for one block, which products want as scratch memory. */
export const blockBytes = Math.max(edgeBytes, tileScratchBytes);

/** Rows and columns of panels; `tile` is how products in float32 are cut. */
export function blockShape(tile: Tiling, stepsPerPlace: StepsPerPlace): TileShape {
  return stepsPerPlace === stepsPerTilePlace ? tileBlock : tilingOf(tile, stepsPerPlace);
}

/** How many float32 a row or column of a panel takes for `depth` steps. */
export function panelFloats(depth: number, stepsPerPlace: StepsPerPlace): number {
  return Math.ceil(depth / stepsPerPlace) * Math.max(1, stepsPerPlace / 2);
}

/**
 * Packs and multiplies panels. The parameters of `multiply` are those of `gemmBlock`, but the depth counts
 * steps. `multiplyOnce` is for results that nothing is added to later; on tile registers, they go past the caches if
 * a matrix of `resultBytes` is too large for these.
 */
export function panelProducts(
  kernels: KernelTable,
  stepsPerPlace: StepsPerPlace,
  resultBytes = 0,
) {
  const { gemmBlock, gemmBlockOfPairs } = kernels;
  const multiplyPlaces = stepsPerPlace === 2 ? gemmBlockOfPairs : gemmBlock;
  const isOnTiles = stepsPerPlace === stepsPerTilePlace;
  const multiply = isOnTiles
    ? tileMultiplication(kernels)
    : (depth: number, ...rest: number[]) =>
      multiplyPlaces(Math.ceil(depth / stepsPerPlace), ...rest);
  return {
    left: packing(kernels, "Left", stepsPerPlace),
    right: packing(kernels, "Right", stepsPerPlace),
    multiply,
    multiplyOnce: isOnTiles ? tileMultiplication(kernels, resultBytes > mostCachedBytes) : multiply,
  };
}
