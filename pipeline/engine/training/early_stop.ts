/**
 * Stops a run whose evaluations no longer improve.
 *
 * @module
 */

import type { RunConfig } from "../../../configs/task.ts";
import type { RunListener } from "../events.ts";
import type { KeptState, ValueMap } from "../method.ts";

/** What a run that stopped early reports about it. */
export interface StoppedEarly {
  /** The figure that stopped improving. */
  readonly metric: string;
  /** The best evaluation, whose weights are in `best.safetensors` in the run's directory. */
  readonly best: { readonly step: number; readonly value: number };
  /** Evaluations since, none of which was better. */
  readonly patience: number;
}

/** When to stop: the config section `evaluation.stop`. */
interface StopConfig {
  readonly metric: string;
  readonly patience: number;
}

/** The name under which a checkpoint keeps the best so far. */
const keptName = "earlyStop";

/** Counts evaluations since the best one. */
export class EarlyStop implements KeptState {
  readonly #config: StopConfig;
  #best: { step: number; value: number } | null = null;
  #worse = 0;

  constructor(config: StopConfig) {
    this.#config = config;
  }

  /** From a config; null without early stopping. */
  static of(config: RunConfig): EarlyStop | null {
    const { evaluation } = config as { evaluation?: { stop?: StopConfig | null } };
    return evaluation?.stop ? new EarlyStop(evaluation.stop) : null;
  }

  /** Takes an evaluation's metrics; returns whether the run should stop, and reports it. */
  see(step: number, figures: Readonly<Record<string, number>>, listener: RunListener): boolean {
    const { metric, patience } = this.#config;
    const found = figures[metric];
    if (found === undefined) return false;
    // In the form that a checkpoint keeps, so that a resumed run compares the same numbers.
    const value = Math.fround(found);
    if (this.#best === null || value > this.#best.value) {
      this.#best = { step, value };
      this.#worse = 0;
      return false;
    }
    this.#worse++;
    if (this.#worse < patience) return false;
    const count = patience === 1 ? "evaluation has" : `${patience} evaluations have`;
    listener({
      type: "note",
      message: `Stopped early after step ${step}: the last ${count} not improved ${metric} over ` +
        `${this.#best.value.toPrecision(4)} at step ${this.#best.step}, whose weights are in ` +
        "best.safetensors",
    });
    return true;
  }

  /** The message about a run that was stopped. */
  get outcome(): StoppedEarly {
    return { metric: this.#config.metric, patience: this.#config.patience, best: this.#best! };
  }

  export(): ValueMap {
    const best = this.#best;
    const values = best === null ? [] : [best.step, best.value, this.#worse];
    return new Map([[keptName, { shape: [values.length], values: Float32Array.from(values) }]]);
  }

  load(values: ValueMap): void {
    const [step, value, worse] = values.get(keptName)?.values ?? [];
    if (step === undefined) return;
    this.#best = { step, value };
    this.#worse = worse;
  }
}
