/** What to say about a run that Ctrl-C ended: whether something was saved, and how to resume. */
import { latestCheckpoint } from "../../checkpoints/store/store.ts";
import { commandOf } from "../../configs/task.ts";
import type { Task } from "../../methods/mod.ts";
import type { RunEvent, RunListener } from "../../pipeline/engine/events.ts";

/** How to resume a run; the original command if nothing was saved. */
export function wordsOnInterruption(task: Task, directory: string, step: number): string {
  if (!hasCheckpoint(directory)) {
    return "Interrupted before anything was saved: run the same command to start again.";
  }
  return `Interrupted and saved after step ${step}. ` +
    `Resume with: deno task ${commandOf(task)} --resume ${directory}`;
}

/** Whether a run's directory holds a checkpoint to resume from. */
export function hasCheckpoint(directory: string): boolean {
  return latestCheckpoint(directory).checkpoint !== undefined;
}

/** Follows a run to know whether all its steps are saved: what remains can then be done at any time. */
export class SavedSteps {
  readonly #listener: RunListener;
  #step = 0;
  #totalSteps = Infinity;
  #saved = -1;
  #begunAfter: number | null = null;

  constructor(listener: RunListener) {
    this.#listener = listener;
  }

  /** Pass this to the task as its listener. */
  readonly listener: RunListener = (event: RunEvent) => {
    if (event.type === "start") {
      [this.#step, this.#totalSteps, this.#begunAfter] = [event.step, event.totalSteps, event.step];
      if (event.step > 0) this.#saved = event.step;
    }
    if (event.type === "step") this.#step = event.metrics.step;
    if (event.type === "checkpoint") this.#saved = event.step;
    this.#listener(event);
  };

  /** The step after which the run started, 0 for a new one; null if it did not start. */
  get begunAfter(): number | null {
    return this.#begunAfter;
  }

  /** Why nothing is lost if the run ends now, or null if it still has steps to take or to save. */
  words(task: Task, directory: string): string | null {
    if (this.#saved < this.#totalSteps || this.#step > this.#saved) return null;
    return `Interrupted during evaluation; all ${this.#totalSteps} steps are saved. ` +
      `Resume with: deno task ${commandOf(task)} --resume ${directory}`;
  }
}
