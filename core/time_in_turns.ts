/**
 * Times alternatives against each other on a machine that others may be using.
 *
 * @module
 */

import { now } from "./clock.ts";
import { median } from "./median.ts";

/** How to measure. */
export interface TimingOptions {
  /** Turns that each alternative gets. */
  readonly turns: number;
  /** Ends the turns early, once there have been six, after this many seconds. Default: never. */
  readonly enoughSeconds?: number;
  /** Seconds since some fixed moment. */
  readonly clock?: () => number;
}

/** Of these, two are the quietest quarter. */
const fewestTurns = 6;

/**
 * Seconds that each of several alternatives takes: they take turns, after one that does not count, and each
 * gets the median of the fastest quarter of its times, since other programs only ever make it slower.
 *
 * @example
 * ```ts
 * import { timeInTurns } from "./time_in_turns.ts";
 * let time = 0;
 * const [slow, fast] = timeInTurns([() => time += 2, () => time += 1], {
 *   turns: 5,
 *   clock: () => time,
 * });
 * if (slow !== 2 || fast !== 1) throw new Error(`${slow} ${fast}`);
 * ```
 */
export function timeInTurns(
  alternatives: readonly (() => unknown)[],
  { turns, enoughSeconds = Infinity, clock = now }: TimingOptions,
): number[] {
  const times: number[][] = alternatives.map(() => []);
  for (const run of alternatives) run();
  const start = clock();
  for (let turn = 0; turn < turns; turn++) {
    if (turn >= fewestTurns && clock() - start > enoughSeconds) break;
    alternatives.forEach((run, index) => {
      const before = clock();
      run();
      times[index].push(clock() - before);
    });
  }
  return times.map((all) => {
    const sorted = all.sort((a, b) => a - b);
    return median(sorted.slice(0, Math.ceil(sorted.length / 4)));
  });
}
