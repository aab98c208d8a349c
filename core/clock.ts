/**
 * The library's only clock. It measures but decides nothing, so that a run remains a pure function of its
 * config, data, seed and backend.
 *
 * @module
 */

/** Seconds since some fixed moment, monotonic. */
export function now(): number {
  return performance.now() / 1000;
}

/** Seconds since 1970, to record when something happened; never for measuring. */
export function wallTime(): number {
  return (performance.timeOrigin + performance.now()) / 1000;
}

/** Sums seconds by name. */
export class Stopwatch {
  readonly #seconds = new Map<string, number>();
  /** Called with each piece of work that {@link Stopwatch.time} ran. */
  onSpan: ((name: string, start: number, seconds: number) => void) | null = null;

  /** Adds a duration measured elsewhere, as in a worker. */
  add(name: string, seconds: number): void {
    this.#seconds.set(name, (this.#seconds.get(name) ?? 0) + seconds);
  }

  /** Runs `work` and records its time, including that of a promise it returns. */
  time<T>(name: string, work: () => T): T {
    const start = now();
    const book = () => {
      const seconds = now() - start;
      this.add(name, seconds);
      this.onSpan?.(name, start, seconds);
    };
    const result = work();
    if (result instanceof Promise) return result.finally(book) as T;
    book();
    return result;
  }

  /** Seconds by name since the last call; the sums restart at zero. */
  take(): Record<string, number> {
    const seconds = Object.fromEntries(this.#seconds);
    this.#seconds.clear();
    return seconds;
  }
}
