/** What a run that Ctrl-C ended is told about: whether something was saved, and how to go on. */
import { latestCheckpoint } from "../../checkpoints/store/store.ts";
import { taskCommands } from "../../configs/resolve.ts";
import type { Task } from "../../configs/schema.ts";
import type { RunEvent, RunListener } from "../../pipeline/engine/events.ts";

/** How to go on with a run; the command itself where nothing was saved to resume from. */
export function wordsOnInterruption(task: Task, directory: string, step: number): string {
  if (!hasCheckpoint(directory)) {
    return "Interrupted before anything was saved: give the same command to start again.";
  }
  return `Interrupted and saved after step ${step}. ` +
    `Go on with: deno task ${taskCommands[task]} --resume ${directory}`;
}

/** Whether a run's directory holds a checkpoint to resume from. */
export function hasCheckpoint(directory: string): boolean {
  return latestCheckpoint(directory).checkpoint !== undefined;
}

/** Follows a run to know whether all its steps are saved: what is left then can be done at any time. */
export class SavedSteps {
  readonly #listener: RunListener;
  #step = 0;
  #totalSteps = Infinity;
  #saved = -1;
  #begunAfter: number | null = null;

  constructor(listener: RunListener) {
    this.#listener = listener;
  }

  /** Hand this to the task in the place of the listener. */
  readonly listener: RunListener = (event: RunEvent) => {
    if (event.type === "start") {
      [this.#step, this.#totalSteps, this.#begunAfter] = [event.step, event.totalSteps, event.step];
      if (event.step > 0) this.#saved = event.step;
    }
    if (event.type === "step") this.#step = event.metrics.step;
    if (event.type === "checkpoint") this.#saved = event.step;
    this.#listener(event);
  };

  /** The step that the run went on after, 0 of a new one; null where it did not begin. */
  get begunAfter(): number | null {
    return this.#begunAfter;
  }

  /** Why nothing is lost when the run ends now, or null where it has steps to take or to save. */
  words(task: Task, directory: string): string | null {
    if (this.#saved < this.#totalSteps || this.#step > this.#saved) return null;
    return `Interrupted in the evaluation; all ${this.#totalSteps} steps are saved. ` +
      `Go on with: deno task ${taskCommands[task]} --resume ${directory}`;
  }
}
