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
