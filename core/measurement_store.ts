/**
 * Keeps measurements of a machine, from one process to the next if possible. Values are JSON data; `get`
 * returns undefined if nothing was set or it is gone. Neither throws.
 */
export interface MeasurementStore {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}
