/**
 * The user's listeners of a run, whose errors do not affect it.
 *
 * @module
 */

import { messageOf } from "../../../core/errors.ts";
import type { RunEvent } from "../events.ts";

/**
 * Receives the events of a run, in order. It may return a promise; the run does not wait for it until the end,
 * when it waits for all of them.
 *
 * A hook that throws does not end the run: its first error becomes a warning, and the number of errors is
 * reported at the end.
 *
 * @example A logger in a few lines
 * ```ts
 * import type { RunHook } from "./hooks.ts";
 * const lines: string[] = [];
 * const hook: RunHook = (event) => {
 *   if (event.type === "step") lines.push(`${event.metrics.step}: ${event.metrics.loss}`);
 * };
 * hook({ type: "done", step: 1, interrupted: false });
 * if (lines.length !== 0) throw new Error();
 * ```
 */
export type RunHook = (event: RunEvent) => void | Promise<void>;

/** How many of a hook's promises may be pending; beyond that, it misses `step` and `progress` events. */
const mostPending = 1000;

interface Guest {
  readonly name: string;
  readonly hook: RunHook;
  readonly pending: Set<Promise<void>>;
  errors: number;
  missed: number;
}

/** Calls hooks and shields the run from their errors. */
export class Hooks {
  readonly #guests: readonly Guest[];
  readonly #warn: (message: string) => void;

  /** @param warn called with a hook's first error, and with what was lost at the end */
  constructor(hooks: readonly RunHook[], warn: (message: string) => void) {
    this.#guests = hooks.map((hook, index) => ({
      name: hook.name === "" || hook.name === "hook" ? `hook ${index + 1}` : `hook "${hook.name}"`,
      hook,
      pending: new Set(),
      errors: 0,
      missed: 0,
    }));
    this.#warn = warn;
  }

  /** Passes an event to every hook. */
  dispatch(event: RunEvent): void {
    for (const guest of this.#guests) {
      const isFrequent = event.type === "step" || event.type === "progress";
      if (isFrequent && guest.pending.size >= mostPending) {
        if (event.type === "step") guest.missed++;
        continue;
      }
      try {
        const result = guest.hook(event);
        if (result instanceof Promise) this.#follow(guest, result);
      } catch (error) {
        this.#fail(guest, error);
      }
    }
  }

  #follow(guest: Guest, work: Promise<void>): void {
    const settled = work.catch((error) => this.#fail(guest, error))
      .finally(() => guest.pending.delete(settled));
    guest.pending.add(settled);
  }

  #fail(guest: Guest, error: unknown): void {
    guest.errors++;
    // The warning goes to the hooks too: further errors are not reported.
    if (guest.errors > 1) return;
    this.#warn(`The ${guest.name} failed; the run continues: ${messageOf(error)}`);
  }

  /** Waits, for a limited time, for what the hooks are still doing, and reports what was lost. */
  async settle(seconds = 30): Promise<void> {
    await this.#wait(seconds);
    const losses = this.#guests.flatMap(({ name, errors, missed, pending }) => [
      ...(errors > 1 ? [`The ${name} failed ${errors} times`] : []),
      ...(missed > 0 ? [`The ${name} was too slow: ${missed} steps were not passed to it`] : []),
      ...(pending.size > 0
        ? [`The ${name} had not finished ${seconds} s after the run: ${pending.size} events lost`]
        : []),
    ]);
    for (const loss of losses) this.#warn(loss);
    // The hooks receive that as well.
    if (losses.length > 0) await this.#wait(1);
  }

  async #wait(seconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        isOver = true;
        resolve();
      }, seconds * 1000);
    });
    while (!isOver) {
      const open = this.#guests.flatMap(({ pending }) => [...pending]);
      if (open.length === 0) break;
      await Promise.race([Promise.all(open), tooLong]);
    }
    clearTimeout(timer);
  }
}
