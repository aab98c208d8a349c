/** What the page knows of the run that it trains, and how it says it. @module */

import { formatMetric, metricName } from "../../core/metric_names.ts";
import { formatFigure, formatSeconds } from "../../core/number_formats.ts";
import { History } from "../../report/history.ts";
import { type EvaluationRecord, runPlots } from "../../report/run_plots.ts";
import type { StepMetrics } from "../../pipeline/engine/events.ts";
import type { SavedRun } from "./messages.ts";

/** Share of an older mean that each step keeps, in the mean that speed and time left come from. */
const remembered = 0.95;

/** The numbers of a run. */
export class RunProgress {
  /** Completed steps. */
  step: number;
  totalSteps: number;
  /** The step after which the browser has the run; null before the first save. */
  savedStep: number | null;
  readonly #history = new History();
  readonly #evaluations = new Map<string, EvaluationRecord>();
  #last: StepMetrics | null = null;
  #stepSeconds: number | null = null;

  constructor(saved: SavedRun | null = null) {
    this.step = saved?.step ?? 0;
    this.savedStep = saved?.step ?? null;
    this.totalSteps = saved?.totalSteps ?? 0;
    for (const metrics of saved?.metrics ?? []) this.#remember(metrics);
    for (const evaluation of saved?.evaluations ?? []) this.addEvaluation(evaluation);
  }

  #remember(metrics: StepMetrics): void {
    this.#history.add(metrics);
    this.#last = metrics;
  }

  /** Takes the numbers of the next step. */
  addStep(metrics: StepMetrics): void {
    this.step = metrics.step;
    this.#remember(metrics);
    const { stepTime } = metrics;
    const before = this.#stepSeconds ?? stepTime;
    this.#stepSeconds = remembered * before + (1 - remembered) * stepTime;
  }

  /** Takes an evaluation, or replaces that of the same step: a run that goes on repeats the last. */
  addEvaluation({ step, name, result }: EvaluationRecord): void {
    this.#evaluations.set(`${name} ${step}`, { step, name, result });
  }

  /** Seconds that the remaining steps take; null before the first one. */
  get secondsLeft(): number | null {
    return this.#stepSeconds === null ? null : this.#stepSeconds * (this.totalSteps - this.step);
  }

  /** Names and values. */
  figures(): (readonly [name: string, value: string])[] {
    if (this.#last === null) return [];
    const { loss, imagesPerSecond } = this.#last;
    const features = [...this.#evaluations.values()].filter(({ name }) => name === "features");
    const measured = features.at(-1)?.result ?? {};
    const isTraining = this.#stepSeconds !== null && this.step < this.totalSteps;
    return [
      ["Step", `${this.step} of ${this.totalSteps}`],
      ["Loss", formatFigure(loss)],
      ...Object.entries(measured).filter(([key]) => !/top5$/i.test(key)).map(([key, value]) =>
        [metricName(key), formatMetric(key, value)] as const
      ),
      ["Images/s", formatFigure(imagesPerSecond)],
      ...(this.savedStep === null ? [] : [["Saved", `after step ${this.savedStep}`] as const]),
      ...(isTraining ? [["Time left", formatSeconds(this.secondsLeft!)] as const] : []),
    ];
  }

  /** Loss, k-NN and the like over the steps, as SVG figures. */
  plots(): readonly string[] {
    const { results, training } = runPlots(this.#history, [...this.#evaluations.values()]);
    return [...training.slice(0, 1), ...results, ...training.slice(1)];
  }
}
