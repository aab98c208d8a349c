/**
 * How warnings get from every rank to the one that shows and records them.
 *
 * @module
 */

import { type Communicator, gatherJson } from "../../../distributed/communicator.ts";
import type { RunEvent, RunListener } from "../events.ts";

type Warning = Extract<RunEvent, { type: "warning" }>;

/** Collects a rank's warnings until all ranks exchange theirs. */
export class WarningRelay {
  readonly #communicator: Communicator;
  readonly #deliver: RunListener;
  #waiting: Warning[] = [];

  /** @param deliver receives the warnings of the other ranks, on rank 0 */
  constructor(communicator: Communicator, deliver: RunListener) {
    this.#communicator = communicator;
    this.#deliver = deliver;
  }

  /** Warnings that have not reached rank 0 yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  push(warning: Warning): void {
    this.#waiting.push(warning);
  }

  /** Sends the warnings of all ranks to rank 0; all ranks must call it. */
  async exchange(): Promise<void> {
    const all = await gatherJson(this.#communicator, this.#waiting.splice(0));
    if (this.#communicator.rank > 0) return;
    for (const [rank, warnings] of all.entries()) {
      for (const warning of warnings) {
        this.#deliver({ ...warning, message: `Rank ${rank}: ${warning.message}` });
      }
    }
  }
}
