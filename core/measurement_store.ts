/**
 * Keeps what was measured on a machine, in the best case from one process to the next. A value is data
 * of JSON; `get` gives undefined for what was never set or is gone. Neither throws.
 */
export interface MeasurementStore {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}
