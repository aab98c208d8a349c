/**
 * What a run records but can do without: if that fails, the run says so once and continues.
 *
 * @module
 */

import { messageOf } from "../../../core/errors.ts";

/** Writes such records. */
export class OptionalRecords {
  readonly #failed = new Set<string>();

  /** @param warn called with what cannot be written */
  constructor(readonly warn: (message: string) => void) {}

  /** @param what is written, such as "the report" */
  write(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(what, error);
    }
  }

  /** @param what is written, such as "the pictures" */
  async writeAsync(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(what, error);
    }
  }

  /** Tells that something could not be written, unless it was told before. */
  fail(what: string, error: unknown): void {
    if (this.#failed.has(what)) return;
    this.#failed.add(what);
    try {
      this.warn(`Cannot record ${what}; the run continues without it: ${messageOf(error)}`);
    } catch {
      // The warning cannot be recorded either; the next line of a log says why.
    }
  }
}
