/** How matrix products are cut: the tile that stays in registers, and the depth of packed panels. @module */

/** Rows of a tile, the width of a packed panel of A, and its columns, the width of one of B. */
export interface TileShape {
  readonly rows: number;
  readonly columns: number;
}

/** A tile, and how deep the panels are that it walks along. The results are the same bits for all. */
export interface Tiling extends TileShape {
  /** Most places of a panel along the depth; longer ones are divided. */
  readonly places: number;
}

/** By lanes: two vectors of columns, and as many rows as there are registers for besides. */
const usualTilings: Readonly<Record<number, Tiling>> = {
  // 24 sums of 32 registers.
  16: { rows: 12, columns: 32, places: 384 },
  // 12 of 16.
  8: { rows: 6, columns: 16, places: 384 },
  // WebAssembly engines have 15, and one holds four values of A: see `Tile`.
  4: { rows: 5, columns: 8, places: 384 },
};

/** The tiling that is used unless another is asked for. */
export function usualTiling(lanes: number): Tiling {
  return usualTilings[lanes];
}

/** What `gemmBlockOfPairs` takes, whatever the tiling of float32. */
export const pairTiling: Tiling = usualTiling(16);

/** Other tilings for vectors of 16 lanes, by name: which is fastest depends on the caches and load ports. */
export const wideTilings = {
  /** Panels of both sides fit a first-level cache of 48 KiB, where those of 384 places do not. */
  "12x32x224": { rows: 12, columns: 32, places: 224 },
  /** Eleven loads for 24 products instead of fourteen. */
  "8x48": { rows: 8, columns: 48, places: 384 },
} as const satisfies Readonly<Record<string, Tiling>>;

/** The name of one of {@link wideTilings}. */
export type WideTiling = keyof typeof wideTilings;
