/**
 * Where the time of a few steps goes: spans of the stages on the main thread, and of the kernels on
 * the device.
 *
 * @module
 */

import type { Backend, KernelSpan } from "../../../backends/backend.ts";
import { messageOf } from "../../../core/errors.ts";

/** Something that ran from `start` for `seconds`. */
export interface Span {
  readonly name: string;
  readonly start: number;
  readonly seconds: number;
}

/** The measurements. The clocks of stages and of kernels have different origins. */
export interface Profile {
  /** The first measured step, from 1, and how many there are. */
  readonly firstStep: number;
  readonly steps: number;
  /** Total seconds of these steps. */
  readonly seconds: number;
  readonly backend: string;
  readonly stages: readonly Span[];
  readonly kernels: readonly KernelSpan[];
  /** Why there are no kernels, if there are none. */
  readonly note: string | null;
}

/** Steps to skip, while shaders are compiled and caches fill, and steps to measure. */
const [warmUpSteps, measuredSteps] = [2, 5];

/** Profiles some of the first steps of a run, once. */
export class StepProfiler {
  readonly #backend: Backend;
  readonly #onProfile: (profile: Profile) => void;
  readonly #onNothing: (reason: string) => void;
  #done = 0;
  #firstStep = 0;
  #started: number | null = null;
  #stages: Span[] = [];
  #note: string | null = null;

  constructor(
    backend: Backend,
    onProfile: (profile: Profile) => void,
    onNothing: (reason: string) => void,
  ) {
    this.#backend = backend;
    this.#onProfile = onProfile;
    this.#onNothing = onNothing;
  }

  /** Call it with every stage: name, start and duration in seconds. */
  readonly stage = (name: string, start: number, seconds: number): void => {
    if (this.#started !== null) this.#stages.push({ name, start, seconds });
  };

  /** Before a step; `step` counts from 0, `time` is the current time in seconds. */
  async before(step: number, time: number): Promise<void> {
    if (this.#done !== warmUpSteps || this.#started !== null) return;
    await this.#backend.sync();
    this.#firstStep = step + 1;
    this.#started = time;
    try {
      if (this.#backend.startProfile === undefined) {
        this.#note = "the backend does not time kernels";
      } else this.#backend.startProfile();
    } catch (error) {
      this.#note = messageOf(error);
    }
  }

  /** After a step. */
  async after(time: () => number): Promise<void> {
    this.#done++;
    if (this.#done === warmUpSteps + measuredSteps) await this.#finish(time);
  }

  /** After the last step: shows as many as a short run made, or says why there are none. */
  async end(time: () => number): Promise<void> {
    if (this.#started !== null) await this.#finish(time);
    else if (this.#done <= warmUpSteps) {
      this.#onNothing(`No profile: the first ${warmUpSteps} steps are skipped`);
      this.#done = Infinity;
    }
  }

  async #finish(time: () => number): Promise<void> {
    const kernels = this.#note === null ? await this.#backend.stopProfile!() : [];
    await this.#backend.sync();
    const started = this.#started!;
    this.#started = null;
    this.#onProfile({
      firstStep: this.#firstStep,
      steps: this.#done - warmUpSteps,
      seconds: time() - started,
      backend: this.#backend.capabilities.description,
      stages: this.#stages,
      kernels,
      note: this.#note,
    });
  }
}
