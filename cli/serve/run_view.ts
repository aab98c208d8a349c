/** One run as seen from outside, whatever state its files are in. */
import { titleOf } from "../../methods/mod.ts";
import { lastRecord, LogReader, type LogRecord } from "../../checkpoints/store/append_log.ts";
import {
  configFile,
  eventsFile,
  metricsFile,
  readRunConfig,
} from "../../checkpoints/store/run_directory.ts";
import { formatMetric, metricName, type MetricUnit, metricUnit } from "../../core/metric_names.ts";
import { formatSeconds } from "../../core/number_formats.ts";
import { Elapsed } from "../../report/elapsed.ts";
import { headlineOf } from "../../report/results.ts";
import type { EvaluationRecord } from "../../report/run_plots.ts";
import { History } from "../../report/history.ts";
import { flattenConfig } from "../../report/tensorboard/hparams.ts";

/** A row in the list of runs; texts are for people. */
export interface RunSummary {
  readonly id: string;
  readonly task: string;
  /** The task in words, or the name of a custom method. */
  readonly method: string;
  /**
   * `early`: by `evaluation.stop`; `cut`: by `--max-steps`; `silent`: neither ended nor heard from for a while,
   * for instance after a kill.
   */
  readonly status: "running" | "finished" | "early" | "cut" | "interrupted" | "silent";
  readonly step: number;
  /** Steps of the whole schedule, as in the report. */
  readonly totalSteps: number | null;
  /** The loss of the last step. */
  readonly loss: string | null;
  /** The trained model's main result, and its metric; null before an evaluation. */
  readonly result: { readonly name: string; readonly text: string } | null;
  /** Seconds since 1970 when it started; null if it has not. */
  readonly begun: number | null;
  /** Working time, without pauses. */
  readonly duration: string | null;
  readonly device: string | null;
  /** Seconds since 1970 of the last change. */
  readonly updated: number;
  readonly hasReport: boolean;
  /** Changes with the files that curves are made from. */
  readonly version: string;
}

/** A curve as arrays of equal length. */
export interface CurveData {
  /** What it shows, in words, and how its values are written. */
  readonly label: string;
  readonly unit: MetricUnit;
  /** The value of the last step, if known; otherwise the last mean stands for it. */
  last: number | null;
  readonly steps: number[];
  readonly low: number[];
  readonly high: number[];
  readonly mean: number[];
}

/** Minimum number of seconds without news after which a run counts as silent. */
const silentSeconds = 60;

/** Size and time of a file; links are ignored, as they may lead to something outside the run. */
function stat(path: string): { size: number; changed: number } | null {
  try {
    const { size, mtime, isFile } = Deno.lstatSync(path);
    if (!isFile) return null;
    return { size, changed: (mtime?.getTime() ?? 0) / 1000 };
  } catch {
    return null;
  }
}

/** Only numbers: a NaN would not survive JSON. */
function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function emptyCurve(name: string): CurveData {
  return {
    ...{ label: metricName(name), unit: metricUnit(name), last: null },
    ...{ steps: [], low: [], high: [], mean: [] },
  };
}

/** Events that say something about a run apart from its steps. */
const kept = new Set(["start", "done", "evaluation"]);
/** How runs without `start` events reported the device. */
const deviceNote = /^Computing on (.+)$/;

/** The last step of a run's whole schedule, as far as its start and its config say. */
function lastStepOf(start: LogRecord | undefined, config: Record<string, unknown>): number {
  const { maxSteps, steps } = (config.schedule ?? {}) as Record<string, unknown>;
  const told = numberOf(start?.scheduleSteps);
  if (told !== null) return told;
  if (numberOf(maxSteps) === null) return 0;
  return numberOf(steps) ?? Infinity;
}

/** The files of one run directory. */
export class RunView {
  readonly id: string;
  readonly directory: string;
  #metrics: LogReader;
  #events: LogReader;
  #history = new History();
  #others: LogRecord[] = [];
  #last: LogRecord | null = null;
  #elapsed = new Elapsed();
  #device: string | null = null;

  constructor(id: string, directory: string) {
    this.id = id;
    this.directory = directory;
    this.#metrics = new LogReader(`${directory}/${metricsFile}`);
    this.#events = new LogReader(`${directory}/${eventsFile}`);
  }

  /** Reads what was added to the short log, or all of it if the run went back. */
  refresh(): void {
    if (this.#events.isStale) {
      this.#events = new LogReader(`${this.directory}/${eventsFile}`);
      this.#others = [];
      this.#elapsed = new Elapsed();
    }
    if (stat(this.#path(eventsFile)) !== null) {
      for (const record of this.#events.read()) this.#see(record);
    }
    this.#last = stat(this.#path(metricsFile)) === null
      ? null
      : lastRecord(this.#path(metricsFile));
  }

  #see(record: LogRecord): void {
    this.#elapsed.add(record);
    const [, noted] = String(record.message ?? "").match(deviceNote) ?? [];
    if (record.type === "note" && noted !== undefined) this.#device = noted;
    if (typeof record.device === "string") this.#device = record.device;
    if (kept.has(String(record.type))) this.#others.push(record);
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** Reads the long log, of which the list of runs needs only the end. */
  #readMetrics(): void {
    if (this.#metrics.isStale) {
      this.#metrics = new LogReader(`${this.directory}/${metricsFile}`);
      this.#history = new History();
    }
    if (stat(this.#path(metricsFile)) === null) return;
    for (const record of this.#metrics.read()) {
      if (record.step >= 1 && Number.isSafeInteger(record.step)) this.#history.add(record);
    }
  }

  /** @param now seconds since 1970 */
  summary(now: number): RunSummary {
    const last = this.#last;
    const config = this.#config();
    const files = [metricsFile, eventsFile].map((name) => stat(this.#path(name)));
    const updated = Math.max(0, ...files.map((file) => file?.changed ?? 0));
    const turns = this.#others.filter(({ type }) => type === "start" || type === "done");
    const turn = turns.at(-1);
    const start = turns.findLast(({ type }) => type === "start");
    const step = numberOf(last?.step) ?? 0;
    const patience = Math.max(silentSeconds, 5 * (numberOf(last?.stepTime) ?? 0));
    const ended = turn?.interrupted === true
      ? "interrupted"
      : turn?.stoppedEarly
      ? "early"
      : step < lastStepOf(start, config)
      ? "cut"
      : "finished";
    const status = turn?.type === "done" ? ended : now - updated < patience ? "running" : "silent";
    const heard = status === "running" ? now : status === "silent" ? updated : undefined;
    const headline = headlineOf(this.#evaluations());
    const loss = numberOf(last?.loss);
    const task = String(config.task ?? "unknown");
    return {
      id: this.id,
      ...{ task, method: String(start?.method ?? titleOf(task)), status, step },
      totalSteps: numberOf(start?.scheduleSteps) ?? numberOf(start?.totalSteps),
      loss: loss === null ? null : formatMetric("loss", loss),
      result: headline === null ? null : {
        name: metricName(headline.key),
        text: formatMetric(headline.key, headline.value),
      },
      begun: this.#elapsed.begun,
      duration: start === undefined ? null : formatSeconds(this.#elapsed.seconds(heard)),
      device: this.#device,
      updated,
      hasReport: stat(this.#path("report.html")) !== null,
      version: files.map((file) => `${file?.size}-${file?.changed}`).join("-"),
    };
  }

  /** The run's page; null if it has none. */
  async report(): Promise<string | null> {
    const path = this.#path("report.html");
    if (stat(path) === null) return null;
    try {
      return await Deno.readTextFile(path);
    } catch {
      return null; // Deleted meanwhile, or not ours to read.
    }
  }

  #evaluations(): EvaluationRecord[] {
    return this.#others.flatMap(({ type, step, name, result }) => {
      if (type !== "evaluation" || typeof result !== "object" || result === null) return [];
      const figures = Object.entries(result).filter(([, value]) => numberOf(value) !== null);
      return [{ step, name: String(name), result: Object.fromEntries(figures) }];
    });
  }

  /** All curves by name, those of evaluations as `evaluation/NAME/KEY`. */
  curves(): Record<string, CurveData> {
    this.#readMetrics();
    const curves: Record<string, CurveData> = {};
    const add = (name: string, step: number, low: number, high: number, mean: number) => {
      const curve = Object.hasOwn(curves, name) ? curves[name] : curves[name] = emptyCurve(name);
      curve.steps.push(step);
      curve.low.push(low);
      curve.high.push(high);
      curve.mean.push(mean);
    };
    for (const name of this.#history.names) {
      for (const { step, low, high, mean } of this.#history.curve(name)) {
        add(name, step, low, high, mean);
      }
      if (name in curves) curves[name].last = numberOf(this.#history.last?.[name]);
    }
    for (const { step, name, result } of this.#evaluations()) {
      for (const [key, value] of Object.entries(result)) {
        add(`evaluation/${name}/${key}`, step, value, value, value);
      }
    }
    return curves;
  }

  /** The config by dotted keys, each with its value and origin; empty if there is none. */
  configLeaves(): Record<string, { value: string; origin: string }> {
    const stored = this.#stored();
    const origins = (stored.origins ?? {}) as Record<string, unknown>;
    return Object.fromEntries(Array.from(flattenConfig(this.#config()), ([key, value]) => [
      key,
      { value: String(value), origin: String(origins[key] ?? "default") },
    ]));
  }

  #stored(): Record<string, unknown> {
    if (stat(this.#path(configFile)) === null) return {};
    try {
      const stored = readRunConfig(this.directory);
      if (typeof stored === "object" && stored !== null) return stored as Record<string, unknown>;
    } catch {
      // Half-written or not a run's: it is shown without its config.
    }
    return {};
  }

  #config(): Record<string, unknown> {
    const { config } = this.#stored();
    return typeof config === "object" && config !== null ? config as Record<string, unknown> : {};
  }
}
