/** What a machine was measured to do best, from one process to the next if possible. @module */

/**
 * Keeps measurements of a machine, from one process to the next if possible. Values are JSON data; `get`
 * returns undefined if nothing was set or it is gone. Neither throws.
 */
export interface MeasurementStore {
  /** The value of a key, or undefined. */
  get(key: string): unknown;
  /** Remembers a value that JSON can represent. */
  set(key: string, value: unknown): void;
}

/** Where nothing outlives the process. */
export const inProcess: MeasurementStore = new Map<string, unknown>();

/** Something that is measured once; see {@link keptOrMeasured}. */
export interface Measurement<T> {
  /** Says what was measured on what: another machine, or other candidates, is another key. */
  readonly key: string;
  /** The kept value, or null if it is not one: it comes from outside. */
  readonly read: (kept: unknown) => T | null;
  /** Measures; what it returns must be JSON data. */
  readonly measure: () => T | Promise<T>;
}

/**
 * What was measured before, if it is kept and intact; otherwise it is measured now and kept. The same
 * choice gives the same bits, so it must not be made anew at every start.
 *
 * @example
 * ```ts
 * import { keptOrMeasured } from "./measurement_store.ts";
 * const store = new Map<string, unknown>();
 * const read = (kept: unknown) => typeof kept === "number" ? kept : null;
 * await keptOrMeasured({ key: "tile", read, measure: () => 64 }, store);
 * const again = await keptOrMeasured({ key: "tile", read, measure: () => 32 }, store);
 * if (again !== 64) throw new Error(`${again}`);
 * ```
 */
export async function keptOrMeasured<T>(
  { key, read, measure }: Measurement<T>,
  store: MeasurementStore = inProcess,
): Promise<T> {
  const kept = read(store.get(key));
  if (kept !== null) return kept;
  const measured = await measure();
  store.set(key, measured);
  return measured;
}
