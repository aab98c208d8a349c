/**
 * How long a run has worked, from the times in its event log.
 *
 * @module
 */

/** A line of `events.jsonl`: its type, and when it was written in seconds since 1970. */
export type TimedRecord = Readonly<Record<string, unknown>>;

/**
 * Seconds between the start of each session of a run and its last event, so that pauses between a stop and a
 * resume do not count.
 *
 * @example Two sessions, of 10 s and of 5 s, an hour apart
 * ```ts
 * import { Elapsed } from "./elapsed.ts";
 * const elapsed = new Elapsed();
 * for (const [type, time] of [["start", 0], ["checkpoint", 10], ["start", 3600], ["done", 3605]]) {
 *   elapsed.add({ type, time });
 * }
 * if (elapsed.seconds() !== 15 || elapsed.seconds(3607) !== 17) throw new Error();
 * ```
 */
export class Elapsed {
  #before = 0;
  #start: number | null = null;
  #last = 0;
  #first: number | null = null;

  /** The next line of the log. */
  add({ type, time }: TimedRecord): void {
    if (typeof time !== "number") return;
    this.#first ??= time;
    if (type === "start") {
      this.#before = this.seconds();
      this.#start = time;
    }
    // A resumed run writes these before it starts: what it computes on, what it resumes from.
    if (type !== "note" && type !== "warning") this.#last = time;
  }

  /** When the run started, in seconds since 1970; null before its first event. */
  get begun(): number | null {
    return this.#first;
  }

  /** @param now seconds since 1970, for a run in progress; default: its last event */
  seconds(now = this.#last): number {
    return this.#before + (this.#start === null ? 0 : Math.max(0, now - this.#start));
  }
}
