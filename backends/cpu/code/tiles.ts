/**
 * Statements on tile registers (AMX): eight tiles of 16 rows of 64 bytes. Only processors that have them
 * can run a kernel that contains one.
 *
 * A kernel begins with {@link startTiles} and ends with {@link endTiles}, so that no state of the tiles
 * outlives a call: what calls kernels does not know about them, and a thread that is interrupted between
 * two calls has no tiles to save.
 *
 * @module
 */

import { Index } from "./expression.ts";
import type { IndexVariable, KernelBuilder } from "./kernel_builder.ts";

/** Rows of a tile, and the bytes of each. */
export const tileRegister = { rows: 16, rowBytes: 64 } as const;

/** Where a tile is in memory. */
export interface TilePlace {
  /** Comes from {@link tileAddress}. */
  readonly address: IndexVariable;
  /** Bytes from one row to the next. */
  readonly rowBytes: IndexVariable;
  readonly offset?: number;
}

/** Configures all tiles, and sets them to zero. */
export function startTiles(k: KernelBuilder): void {
  k.add({ kind: "tile", operation: "start" });
}

/** Gives the tiles back. */
export function endTiles(k: KernelBuilder): void {
  k.add({ kind: "tile", operation: "end" });
}

export function zeroTile(k: KernelBuilder, tile: number): void {
  k.add({ kind: "tile", operation: "zero", tile });
}

export function loadTile(k: KernelBuilder, tile: number, place: TilePlace): void {
  k.add({ kind: "tile", operation: "load", tile, offset: 0, ...place });
}

export function storeTile(k: KernelBuilder, tile: number, place: TilePlace): void {
  k.add({ kind: "tile", operation: "store", tile, offset: 0, ...place });
}

/**
 * sum += left·right in float32. Rows of `left` are 32 bfloat16 along the depth; rows of `right` are pairs
 * of them, one for each column.
 */
export function multiplyTiles(k: KernelBuilder, sum: number, left: number, right: number): void {
  k.add({ kind: "tile", operation: "multiply", sum, left, right });
}

/** An address as tile instructions want it: those take no base besides it, so it includes the memory's. */
export function tileAddress(k: KernelBuilder, address: Index): IndexVariable {
  return k.letIndex(new Index("fromMemoryStart", [address]));
}
