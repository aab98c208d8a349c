/**
 * Sizes of blocks that stay in the processor's caches. Each sum is made in the order of the depth whatever the
 * blocks, so the results are the same bits for all sizes.
 *
 * @module
 */

/** Bytes of the data caches that a thread has to itself. */
export interface Caches {
  readonly firstLevel: number;
  readonly secondLevel: number;
}

/** Those of a Zen 4, where the sizes of blocks were found by trial; for processors that do not say. */
export const assumedCaches: Caches = { firstLevel: 32 << 10, secondLevel: 1 << 20 };

/** Of a first-level cache, what panels may fill: the sums pass through it, too. */
const firstLevelShare = 0.85;
/** Of a second-level cache, what packed rows and their results may fill: panels of B pass through it, too. */
const secondLevelShare = 0.59;
/** Places of packed rows, and columns of their results that are activated together, in float32. */
const [rowPlaces, activatedColumns] = [384, 256];
/** Places are a multiple of this: both are even after being divided for the depth. */
const placesStep = 32;

/** Places of panels, as wide as a tile has rows and columns, that fit the first-level cache together. */
export function placesWithin(
  { firstLevel }: Caches,
  { rows, columns }: { rows: number; columns: number },
): number {
  const fitting = firstLevel * firstLevelShare / ((rows + columns) * 4);
  return Math.max(placesStep, Math.floor(fitting / placesStep) * placesStep);
}

/** So many rows, whole tiles of `rows`, that their packed block of the depth and its results stay in the second-level cache. */
export function rowsWithin(
  { rows, secondLevel }: Pick<Caches, "secondLevel"> & { rows: number },
): number {
  const fitting = secondLevel * secondLevelShare / ((rowPlaces + activatedColumns) * 4);
  return Math.max(rows, Math.floor(fitting / rows) * rows);
}
