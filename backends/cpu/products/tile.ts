/** How matrix products are cut: the tile that stays in registers, and the panels that stay in caches. @module */

import { assumedCaches, type Caches, placesWithin } from "./caches.ts";

/** Rows of a tile, the width of a packed panel of A, and its columns, the width of one of B. */
export interface TileShape {
  readonly rows: number;
  readonly columns: number;
}

/** A tile, and how deep the panels are that it walks along. The results are the same bits for all. */
export interface Tiling extends TileShape {
  readonly name: WideTiling | "usual";
  /** Most places of a panel along the depth; longer ones are divided. */
  readonly places: number;
  /** Bytes of the second-level cache that each thread has: blocks of rows are meant to stay in it. */
  readonly secondLevel: number;
}

/** Panels longer than a first-level cache: they are read from the second, and the sums less often. */
const longPlaces = 384;

/** By lanes: two vectors of columns, and as many rows as there are registers for besides. */
const usualTiles: Readonly<Record<number, TileShape>> = {
  // 24 sums of 32 registers.
  16: { rows: 12, columns: 32 },
  // 12 of 16.
  8: { rows: 6, columns: 16 },
  // WebAssembly engines have 15, and one holds four values of A: see `Tile`.
  4: { rows: 5, columns: 8 },
};

/** The tiling that is used unless another is asked for. */
export function usualTiling(lanes: number, { secondLevel }: Caches = assumedCaches): Tiling {
  return { name: "usual", ...usualTiles[lanes], places: longPlaces, secondLevel };
}

/** The tile that `gemmBlockOfPairs` takes, whatever the tiling of float32. */
export const pairTile: TileShape = usualTiles[16];

/** How products of pairs are cut, where `tiling` is how those in float32 are. */
export function pairTiling({ secondLevel }: Tiling): Tiling {
  return usualTiling(16, { ...assumedCaches, secondLevel });
}

/** Other tiles for vectors of 16 lanes, by name: which is fastest depends on the caches and load ports. */
const wideTiles = {
  /** Panels of both sides fit the first-level cache. */
  "12x32-short": { rows: 12, columns: 32, isShort: true },
  /** Eleven loads for 24 products instead of fourteen. */
  "8x48": { rows: 8, columns: 48, isShort: false },
} as const satisfies Readonly<Record<string, TileShape & { readonly isShort: boolean }>>;

/** The name of a tiling that {@link wideTiling} makes. */
export type WideTiling = keyof typeof wideTiles;

/** Their names. */
export const wideTilingNames = Object.keys(wideTiles) as WideTiling[];

/** Another tiling for vectors of 16 lanes. */
export function wideTiling(name: WideTiling, caches: Caches = assumedCaches): Tiling {
  const { rows, columns, isShort } = wideTiles[name];
  const places = isShort ? placesWithin(caches, { rows, columns }) : longPlaces;
  return { name, rows, columns, places, secondLevel: caches.secondLevel };
}
