/**
 * What a run's user should know while there is still time to act: a loss that has stalled, and steps that wait
 * for images. Each is reported once, with the remedy.
 *
 * @module
 */

import type { RunListener, StepMetrics } from "../events.ts";

/** When to warn; the keys of the config section `guard`. */
export interface HealthOptions {
  readonly stalledSteps: number | null;
  readonly starvedShare: number;
}

/** The message when steps spend a share of their time waiting for images, with the remedy. */
export function starvationMessage(share: number): string {
  return `Steps spend ${
    Math.round(100 * share)
  } % of their time waiting for images: raise --workers, ` +
    "move the images to a faster disk or into tar shards, make them smaller, or let " +
    "data.cacheBytes hold them all";
}

/** Number of steps over which waiting is measured. */
const window = 100;
/** The first steps fill the queue and compile kernels. */
const firstSteps = 20;
/** Weight of the past in the smoothed loss, about a mean over 100 steps. */
const memory = 0.99;
/** A new low must be this much lower: noise alone keeps finding slightly lower values. */
const leastGain = 1e-3;

/**
 * Watches a run's metrics, step by step.
 *
 * @example
 * ```ts
 * import { RunHealth } from "./health.ts";
 * import type { StepMetrics } from "../events.ts";
 * const said: string[] = [];
 * const options = { stalledSteps: 200, starvedShare: 0.5 };
 * const health = new RunHealth(options, (event) => {
 *   if (event.type === "warning") said.push(event.kind);
 * });
 * const metrics = { loss: 2, dataTime: 0, stepTime: 1, skipped: false } as unknown as StepMetrics;
 * for (let step = 1; step <= 500; step++) health.see({ ...metrics, step });
 * if (said.join() !== "stalledLoss") throw new Error(said.join());
 * ```
 */
export class RunHealth {
  readonly #options: HealthOptions;
  readonly #listener: RunListener;
  #seen = 0;
  #loss: number | null = null;
  #lowest = Infinity;
  #lowestAt = 0;
  #waits: { dataTime: number; stepTime: number }[] = [];
  #isStalled = false;
  #isStarved = false;

  constructor(options: HealthOptions, listener: RunListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** The metrics of the next step. */
  see(metrics: StepMetrics): void {
    this.#seen++;
    if (!metrics.skipped && Number.isFinite(metrics.loss)) this.#seeLoss(metrics);
    if (this.#seen > firstSteps) this.#seeWait(metrics);
  }

  #seeLoss({ loss, step, learningRate }: StepMetrics): void {
    const { stalledSteps } = this.#options;
    this.#loss = this.#loss === null ? loss : memory * this.#loss + (1 - memory) * loss;
    if (this.#loss < this.#lowest - leastGain * Math.abs(this.#lowest) || this.#lowestAt === 0) {
      this.#lowest = this.#loss;
      this.#lowestAt = step;
    }
    if (stalledSteps === null || this.#isStalled || step - this.#lowestAt < stalledSteps) return;
    this.#isStalled = true;
    this.#listener({
      type: "warning",
      kind: "stalledLoss",
      message: `The loss has not fallen for ${step - this.#lowestAt} steps: its mean is ` +
        `${this.#loss.toPrecision(4)}, and was ${this.#lowest.toPrecision(4)} at step ` +
        `${this.#lowestAt}; try another --lr (it is now ${learningRate}), check the ` +
        "gradient norm in metrics.jsonl, or end the run",
    });
  }

  #seeWait({ dataTime, stepTime }: StepMetrics): void {
    if (this.#isStarved) return;
    this.#waits.push({ dataTime, stepTime });
    if (this.#waits.length > window) this.#waits.shift();
    if (this.#waits.length < window) return;
    const total = (key: "dataTime" | "stepTime") =>
      this.#waits.reduce((sum, wait) => sum + wait[key], 0);
    const share = total("dataTime") / total("stepTime");
    if (!(share > this.#options.starvedShare)) return;
    this.#isStarved = true;
    this.#listener({
      type: "warning",
      kind: "dataStarvation",
      message: starvationMessage(share),
    });
  }
}
