/**
 * How rows and elements are divided into items. The division depends on their number alone, so the
 * order of sums does not depend on the number of threads.
 *
 * @module
 */

/** Stretches of rows that a gradient is summed over separately. */
const largestStretches = 32;
const smallestStretch = 16;

/** Elements of an item: a multiple of 16, so that stretches start on cache lines. */
const elementsPerItem = 16_384;

/** Bytes of the elements of an item, at most. */
export const largestItemBytes = elementsPerItem * 4;

/** How many stretches `rows` are divided into, and the length of each but the last. */
export function stretchRows(rows: number): { stretches: number; length: number } {
  const length = Math.max(smallestStretch, Math.ceil(rows / largestStretches));
  return { stretches: Math.ceil(rows / length), length };
}

/** The rows of an item. */
export function rowsOfItem(
  rows: number,
  length: number,
  item: number,
): { first: number; used: number } {
  const first = item * length;
  return { first, used: Math.min(length, rows - first) };
}

/** Items of a job over `count` elements. */
export function elementItems(count: number): number {
  return Math.ceil(count / elementsPerItem);
}

/** The elements of an item, `offset` in bytes. */
export function elementsOfItem(count: number, item: number): { offset: number; length: number } {
  const first = item * elementsPerItem;
  return { offset: first * 4, length: Math.min(elementsPerItem, count - first) };
}
