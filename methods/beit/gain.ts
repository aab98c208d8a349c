/**
 * What a continued run has gained: its loss at the start beside that at its end.
 *
 * @module
 */

import type { KeptState, ValueMap } from "../../pipeline/engine/method.ts";

/** Most steps at either end whose losses are averaged, and the share of a run that they may take. */
const mostSteps = 50;
const mostShare = 0.1;

/** The loss of a continued run at both ends. */
export interface Gain {
  /** Mean loss of the first steps, while the weights are those of the checkpoint, or nearly so. */
  readonly startLoss: number;
  /** Mean loss of as many last steps. */
  readonly endLoss: number;
  /** Steps averaged at either end. */
  readonly steps: number;
  /** Whether the loss has fallen by more than twice the standard error of the difference. */
  readonly isGain: boolean;
}

/** Remembers the losses of a run's first and last steps, across resumes. */
export class GainRecord implements KeptState {
  readonly #steps: number;
  #first: number[] = [];
  #last: number[] = [];

  /** @param totalSteps of the whole schedule */
  constructor(totalSteps: number) {
    this.#steps = Math.max(1, Math.min(mostSteps, Math.floor(totalSteps * mostShare)));
  }

  /** Adds the loss of a step; one that was not finite does not count. */
  add(loss: number): void {
    if (!Number.isFinite(loss)) return;
    if (this.#first.length < this.#steps) this.#first.push(loss);
    this.#last.push(loss);
    if (this.#last.length > this.#steps) this.#last.shift();
  }

  /** The gain so far; null before any step. */
  get gain(): Gain | null {
    if (this.#first.length === 0) return null;
    const [start, end] = [this.#first, this.#last].map(meanAndVariance);
    const error = Math.sqrt((start.variance + end.variance) / this.#first.length);
    return {
      startLoss: start.mean,
      endLoss: end.mean,
      steps: this.#first.length,
      isGain: start.mean - end.mean > 2 * error,
    };
  }

  export(): ValueMap {
    const entries = [["first", this.#first], ["last", this.#last]] as const;
    return new Map(entries.map(([end, losses]) => [
      `gain.${end}`,
      { shape: [losses.length], values: Float32Array.from(losses) },
    ]));
  }

  load(values: ValueMap): void {
    this.#first = [...values.get("gain.first")?.values ?? []];
    this.#last = [...values.get("gain.last")?.values ?? []];
  }
}

/** The sample variance; 0 for a single value. */
function meanAndVariance(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: values.length < 2 ? 0 : squares / (values.length - 1) };
}

/** The gain in a sentence, with what to change if there is none. */
export function describeGain({ startLoss, endLoss, steps, isGain }: Gain): string {
  const losses = `loss ${startLoss.toPrecision(4)} in the first ${steps} steps, ` +
    `${endLoss.toPrecision(4)} in the last`;
  if (isGain) return `Gained on the checkpoint: ${losses}`;
  return `Nothing was gained on the checkpoint: ${losses}. It already fits these images as well as ` +
    "this schedule can: use it as it is, or train for longer or with another learning rate";
}
