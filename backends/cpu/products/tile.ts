/** The shape of the tile that a matrix product keeps in registers. @module */

/** Vectors of columns. */
export const tileVectors = 2;

/** Rows of a tile, the width of a packed panel of A, and its columns, the width of one of B. */
export interface TileShape {
  readonly rows: number;
  readonly columns: number;
}

/** Rows by lanes: as many as there are registers for, besides two vectors of B and one of A. */
const tileRows: Readonly<Record<number, number>> = {
  // Of 32 registers.
  16: 12,
  // Of 16.
  8: 6,
  // WebAssembly engines have 15, and one holds four values of A: see `Tile`.
  4: 5,
};

/** Two vectors of columns, and as many rows as fit. */
export function tileShape(lanes: number): TileShape {
  return { rows: tileRows[lanes], columns: tileVectors * lanes };
}
