/** How products are divided among the threads of a GPU. @module */

/** How the work of a product is divided. */
export interface Tiling {
  readonly THREADS_M: number;
  readonly THREADS_N: number;
  readonly MICRO_M: number;
  readonly MICRO_N: number;
  readonly K_TILE: number;
  /** Steps along k that are unrolled; all, if the compiler can handle it. */
  readonly K_UNROLL: number;
}

/** Ways to divide the work, named after the tile; which is fastest depends on the GPU. */
export const TILINGS = {
  square32: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 4, MICRO_N: 4, K_TILE: 16, K_UNROLL: 16 },
  square64: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 8, MICRO_N: 8, K_TILE: 16, K_UNROLL: 16 },
  high128: { THREADS_M: 16, THREADS_N: 8, MICRO_M: 8, MICRO_N: 8, K_TILE: 16, K_UNROLL: 16 },
  deep128: { THREADS_M: 16, THREADS_N: 16, MICRO_M: 8, MICRO_N: 8, K_TILE: 32, K_UNROLL: 32 },
  // For CPUs that emulate a GPU, whose compilers take long over unrolled code.
  processor32: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 4, MICRO_N: 4, K_TILE: 16, K_UNROLL: 2 },
  processor64: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 8, MICRO_N: 8, K_TILE: 16, K_UNROLL: 2 },
  processor128: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 16, MICRO_N: 16, K_TILE: 8, K_UNROLL: 2 },
} satisfies Record<string, Tiling>;

/** Name of a tiling. */
export type TilingName = keyof typeof TILINGS;

/** The tilings of a device, by the narrower side of the result. */
export interface TilingChoice<Name = TilingName> {
  /** From 96 rows and columns on: products, and the gradients of layers. */
  readonly large: Name;
  readonly largeBackward: Name;
  /** Below that. */
  readonly medium: Name;
  readonly mediumBackward: Name;
  /** Up to 48, and where rows are not whole quads. */
  readonly small: Name;
  /**
   * Tiles of 64 × 64 that keep the device busy; 1 if the rows of a weight need not be divided. More than a
   * device runs at a time costs little.
   */
  readonly workgroups: number;
}

/** Takes one tiling for everything. */
export function onlyTiling<Name>(name: Name, workgroups: number): TilingChoice<Name> {
  return {
    large: name,
    largeBackward: name,
    medium: name,
    mediumBackward: name,
    small: name,
    workgroups,
  };
}

/** The constants of a shader that computes with a tiling. */
export function tilingConstants(tiling: Tiling): Record<string, number> {
  /** Blocks of four by four that a thread fetches of a tile with `side` rows. */
  const blocksOf = (side: number) =>
    Math.ceil(side * tiling.K_TILE / 16 / (tiling.THREADS_M * tiling.THREADS_N));
  return {
    ...tiling,
    MICRO_QUADS_M: tiling.MICRO_M / 4,
    MICRO_QUADS_N: tiling.MICRO_N / 4,
    FETCHES_A: blocksOf(tiling.MICRO_M * tiling.THREADS_M),
    FETCHES_B: blocksOf(tiling.MICRO_N * tiling.THREADS_N),
  };
}
