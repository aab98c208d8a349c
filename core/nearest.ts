/**
 * "Did you mean …?": the known word closest to what was typed.
 *
 * @module
 */

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}

/**
 * The entry of `known` with the smallest edit distance to `word`, or `undefined` if none is close
 * enough to be a typo (more than 40 % of the longer word differs).
 *
 * @example
 * ```ts
 * import { nearest } from "./nearest.ts";
 * if (nearest("optimzer", ["optimizer", "model"]) !== "optimizer") throw new Error();
 * ```
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    // The lengths alone may show that it is too far; a word may be megabytes long.
    const [short, long] = [word.length, candidate.length].sort((a, b) => a - b);
    if (long - short > 0.4 * long) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  if (best === undefined) return undefined;
  return bestDistance <= 0.4 * Math.max(word.length, best.length) ? best : undefined;
}
