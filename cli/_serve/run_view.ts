/** One run as a reader from outside sees it, whatever state its files are in. */
import { lastRecord, LogReader, type LogRecord } from "../../checkpoints/append_log.ts";
import { eventsFile, metricsFile, readRunConfig } from "../../checkpoints/run_directory.ts";
import { History } from "../../report/history.ts";
import { flattenConfig } from "../../report/tensorboard/hparams.ts";

/** A line of the list of runs. */
export interface RunSummary {
  readonly id: string;
  readonly task: string;
  /** `silent`: neither ended nor heard of for a while, as after a kill. */
  readonly status: "running" | "finished" | "interrupted" | "silent";
  readonly step: number;
  readonly totalSteps: number | null;
  readonly loss: number | null;
  /** Seconds since 1970 of the last change. */
  readonly updated: number;
  readonly hasReport: boolean;
  /** Changes with the files that curves are made of. */
  readonly version: string;
}

/** A curve as arrays of equal length. */
export interface CurveData {
  readonly steps: number[];
  readonly low: number[];
  readonly high: number[];
  readonly mean: number[];
}

/** Seconds without news after which a run counts as silent, at least. */
const silentSeconds = 60;

function stat(path: string): { size: number; changed: number } | null {
  try {
    const { size, mtime } = Deno.statSync(path);
    return { size, changed: (mtime?.getTime() ?? 0) / 1000 };
  } catch {
    return null;
  }
}

/** Numbers alone: a NaN would not survive JSON. */
function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function emptyCurve(): CurveData {
  return { steps: [], low: [], high: [], mean: [] };
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

  constructor(id: string, directory: string) {
    this.id = id;
    this.directory = directory;
    this.#metrics = new LogReader(`${directory}/${metricsFile}`);
    this.#events = new LogReader(`${directory}/${eventsFile}`);
  }

  /** Reads what has been added to the short log; all of it where the run went back. */
  refresh(): void {
    if (this.#events.isStale) {
      this.#events = new LogReader(`${this.directory}/${eventsFile}`);
      this.#others = [];
    }
    for (const record of this.#events.read()) {
      if (["start", "done", "evaluation"].includes(String(record.type))) this.#others.push(record);
    }
    this.#last = lastRecord(`${this.directory}/${metricsFile}`);
  }

  /** Reads the long log, of which the list of runs needs the end only. */
  #readMetrics(): void {
    if (this.#metrics.isStale) {
      this.#metrics = new LogReader(`${this.directory}/${metricsFile}`);
      this.#history = new History();
    }
    for (const record of this.#metrics.read()) {
      if (record.step >= 1 && Number.isSafeInteger(record.step)) this.#history.add(record);
    }
  }

  /** @param now seconds since 1970 */
  summary(now: number): RunSummary {
    const last = this.#last;
    const files = [metricsFile, eventsFile].map((name) => stat(`${this.directory}/${name}`));
    const updated = Math.max(0, ...files.map((file) => file?.changed ?? 0));
    const turns = this.#others.filter(({ type }) => type === "start" || type === "done");
    const turn = turns.at(-1);
    const patience = Math.max(silentSeconds, 5 * (numberOf(last?.stepTime) ?? 0));
    const status = turn?.type === "done"
      ? turn.interrupted === true ? "interrupted" : "finished"
      : now - updated < patience
      ? "running"
      : "silent";
    const start = turns.findLast(({ type }) => type === "start");
    return {
      id: this.id,
      task: String(this.#config().task ?? "unknown"),
      status,
      step: numberOf(last?.step) ?? 0,
      totalSteps: numberOf(start?.totalSteps),
      loss: numberOf(last?.loss),
      updated,
      hasReport: stat(`${this.directory}/report.html`) !== null,
      version: files.map((file) => `${file?.size}-${file?.changed}`).join("-"),
    };
  }

  /** All curves by name, those of evaluations as `evaluation/NAME/KEY`. */
  curves(): Record<string, CurveData> {
    this.#readMetrics();
    const curves: Record<string, CurveData> = {};
    const add = (name: string, step: number, low: number, high: number, mean: number) => {
      const curve = Object.hasOwn(curves, name) ? curves[name] : curves[name] = emptyCurve();
      curve.steps.push(step);
      curve.low.push(low);
      curve.high.push(high);
      curve.mean.push(mean);
    };
    for (const name of this.#history.names) {
      for (const { step, low, high, mean } of this.#history.curve(name)) {
        add(name, step, low, high, mean);
      }
    }
    for (const { type, step, name, result } of this.#others) {
      if (type !== "evaluation" || typeof result !== "object" || result === null) continue;
      for (const [key, value] of Object.entries(result)) {
        const figure = numberOf(value);
        if (figure !== null) add(`evaluation/${name}/${key}`, step, figure, figure, figure);
      }
    }
    return curves;
  }

  /** The config by dotted keys, each with its value and origin; empty where there is none. */
  configLeaves(): Record<string, { value: string; origin: string }> {
    const stored = this.#stored();
    const origins = (stored.origins ?? {}) as Record<string, unknown>;
    return Object.fromEntries(Array.from(flattenConfig(this.#config()), ([key, value]) => [
      key,
      { value: String(value), origin: String(origins[key] ?? "default") },
    ]));
  }

  #stored(): Record<string, unknown> {
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
