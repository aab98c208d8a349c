/**
 * Shows a run's events: a self-updating line on a terminal, a plain line every few seconds
 * elsewhere. None of it goes to stdout.
 */
import { titleOf } from "../../methods/mod.ts";
import { formatMetric, metricName } from "../../core/metric_names.ts";
import { formatBytes, formatCount, plural } from "../../core/number_formats.ts";
import type { RunEvent, RunListener, StepMetrics } from "../../pipeline/engine/events.ts";
import { type LineContent, LiveLine } from "./live_line.ts";
import { writeNote, writeRaw } from "./output.ts";
import { type Style, styleFor } from "./style.ts";
import { terminalColumns } from "./terminal_columns.ts";

/** Where progress is written and how. */
export interface ProgressOptions {
  /** Writes lines, whatever they contain. */
  write(text: string): void;
  /** Writes what draws on a terminal. */
  draw(text: string): void;
  /** Whether the line can be updated in place. */
  readonly isTerminal: boolean;
  /** Columns of the terminal. */
  columns(): number;
  readonly style: Style;
  /** Seconds since some fixed moment. */
  now(): number;
  /** Seconds between plain lines. */
  readonly plainSeconds: number;
  /** Warnings only. */
  readonly quiet: boolean;
}

/** Seconds between updates of the line on a terminal. */
const liveSeconds = 0.1;
/** Seconds of steps after which the run's estimated time is shown. */
const secondsToForesee = 5;
/** Share of its time spent waiting for images at which the line mentions it. */
const waitingToTell = 0.1;

/** `1h 05m`, `2m 10s`, `9s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24];
  const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  if (days > 0) return `${days}d ${two(hours)}h`;
  if (hours > 0) return `${hours}h ${two(minutes)}m`;
  return minutes > 0 ? `${minutes}m ${two(rest)}s` : `${rest}s`;
}

/** A number with about four digits: `5.312`, `0.0123`, `1.2e-5`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1);
  return value.toPrecision(4);
}

/** A moving mean: slow enough to be steady, fast enough to follow a change. */
class MovingMean {
  readonly #weight: number;
  #mean: number | null = null;

  constructor(weight = 0.05) {
    this.#weight = weight;
  }

  add(value: number): number {
    this.#mean = this.#mean === null ? value : this.#mean + this.#weight * (value - this.#mean);
    return this.#mean;
  }
}

/** Whether a loss is falling, from a fast and a slow moving mean. */
class Trend {
  readonly #quick = new MovingMean(0.1);
  readonly #slow = new MovingMean(0.02);

  /** `↓`, `↑`, or `→` for neither; empty if there is no number. */
  add(loss: number): string {
    if (!Number.isFinite(loss)) return "";
    const [quick, slow] = [this.#quick.add(loss), this.#slow.add(loss)];
    const change = (quick - slow) / (Math.abs(slow) || 1);
    return change < -1e-3 ? "↓" : change > 1e-3 ? "↑" : "→";
  }
}

/** `187`, `3.2`, `0.054`: integers from ten up, two digits below. */
function formatRate(rate: number): string {
  return rate >= 10 ? formatNumber(Math.round(rate)) : String(Number(rate.toPrecision(2)));
}

/** `3s, 1m 02s left`. */
function formatTimes(elapsed: number, left: number | null): string {
  const times = formatDuration(elapsed);
  return left === null ? times : `${times}, ${formatDuration(left)} left`;
}

/** Writes progress from a run's events. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #live: LiveLine;
  readonly #stepTime = new MovingMean();
  readonly #dataTime = new MovingMean();
  readonly #trend = new Trend();
  /** Files that a warning has already named. */
  readonly #namedFiles = new Set<string>();
  #lastWritten = -Infinity;
  /** When this process's first step started. */
  #begun: number | null = null;
  #hasForeseen = false;
  #totalSteps = Infinity;
  /** The time of the evaluation after the last step, in steps. */
  #finalSteps = 0;
  /** The current work other than steps, and its state when it was first reported. */
  #work: { readonly what: string; readonly time: number; readonly done: number } | null = null;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#live = new LiveLine(options.draw, options.columns);
  }

  /** Pass this to the task. */
  readonly listener: RunListener = (event: RunEvent) => {
    const { style, quiet, isTerminal } = this.#options;
    switch (event.type) {
      case "step":
        this.#showStep(event.metrics, event.totalSteps);
        break;
      case "warning":
        if (this.#isKnownFile(event.file?.id)) break;
        this.line(`${style.yellow("warning:")} ${event.message}`, true);
        break;
      case "note":
        this.line(event.message);
        break;
      case "progress":
        this.#showWork(event);
        break;
      case "start":
        this.#finalSteps = finalStepsOf(event);
        this.#totalSteps = event.totalSteps;
        for (const line of describeStart(event)) this.line(line);
        break;
      case "evaluation": {
        // The table at the end shows it again.
        if (isTerminal && event.step >= this.#totalSteps) break;
        const figures = Object.entries(event.result).map(([name, value]) =>
          `${metricName(name)} ${formatMetric(name, value)}`
        );
        this.line(`step ${event.step}, ${metricName(event.name)}: ${figures.join(", ")}`);
        break;
      }
      case "checkpoint":
        if (!quiet && !isTerminal) this.line(`Saved ${event.path}`);
        break;
      case "done":
        this.close();
        break;
    }
  };

  /**
   * Whether a file has been named before: each part of the work may encounter it, but the user needs only one
   * line.
   */
  #isKnownFile(id: string | undefined): boolean {
    if (id === undefined) return false;
    const isKnown = this.#namedFiles.has(id);
    this.#namedFiles.add(id);
    return isKnown;
  }

  /** Writes a separate line; the self-updating one reappears below it with the next step. */
  line(text: string, always = false): void {
    if (this.#options.quiet && !always) return;
    this.#live.clear();
    this.#options.write(`${text}\n`);
  }

  /** Removes the self-updating line. */
  close(): void {
    this.#live.clear();
  }

  /** Whether a line is due; if so, records it as written. */
  #isDue(time: number): boolean {
    const { quiet, isTerminal, plainSeconds } = this.#options;
    if (quiet || time - this.#lastWritten < (isTerminal ? liveSeconds : plainSeconds)) return false;
    this.#lastWritten = time;
    return true;
  }

  #show(content: LineContent, plain: readonly string[]): void {
    if (this.#options.isTerminal) this.#live.show(content);
    else this.#options.write(`${plain.filter((part) => part !== "").join("  ")}\n`);
  }

  #showWork({ what, done, total, unit }: Extract<RunEvent, { type: "progress" }>): void {
    const time = this.#options.now();
    if (this.#work?.what !== what) {
      this.#work = { what, time, done };
      // Work that finishes quickly needs no plain line.
      if (!this.#options.isTerminal) this.#lastWritten = time;
    }
    const begun = this.#work;
    if (total !== null && done >= total) {
      this.#work = null;
      return this.close();
    }
    if (!this.#isDue(time)) return;
    const elapsed = time - begun.time;
    const left = total === null || done <= begun.done
      ? null
      : (total - done) * elapsed / (done - begun.done);
    const share = total === null ? null : total === 0 ? 0 : done / total;
    const format = unit === "bytes" ? formatBytes : formatCount;
    const count = total === null ? format(done) : `${format(done)}/${format(total)}`;
    const times = formatTimes(elapsed, left);
    const parts = [{ text: count, rank: 2 }, { text: times, rank: 1 }];
    const percent = share === null ? "" : `${Math.floor(100 * share)} %`;
    this.#show({ share, what, parts }, [what, count, percent, times]);
  }

  #showStep(metrics: StepMetrics, totalSteps: number): void {
    const { step, loss, imagesPerSecond } = metrics;
    const time = this.#options.now();
    const stepTime = this.#stepTime.add(metrics.stepTime);
    const dataTime = this.#dataTime.add(metrics.dataTime);
    const trend = this.#trend.add(loss);
    this.#begun ??= time - metrics.stepTime;
    const elapsed = time - this.#begun;
    const left = (totalSteps - step + this.#finalSteps) * stepTime;
    if (!this.#hasForeseen && elapsed >= secondsToForesee) {
      this.#hasForeseen = true;
      this.line(`This will take about ${formatDuration(elapsed + left)}`);
    }
    if (step >= totalSteps) this.#lastWritten = -Infinity;
    if (!this.#isDue(time)) return;
    const waiting = Math.min(1, dataTime / stepTime);
    const share = step / totalSteps;
    const images = `${formatRate(imagesPerSecond * metrics.stepTime / stepTime)} images/s`;
    const count = `step ${step}/${totalSteps}`;
    const lossText = `loss ${formatNumber(loss)} ${trend}`.trimEnd();
    const epoch = `epoch ${metrics.epoch.toFixed(2)}`;
    const waits = `waiting for data ${Math.round(100 * waiting)} %`;
    // What remains after the last step is the evaluation.
    const ending = step >= totalSteps && left > 0 ? " to evaluate" : "";
    const times = formatTimes(elapsed, left > 0 ? left : null) + ending;
    const skipped = metrics.skipped ? "skipped" : "";
    this.#show({
      share,
      what: "",
      parts: [
        { text: count, rank: 3 },
        { text: lossText, rank: 0 },
        { text: images, rank: 2 },
        { text: times, rank: 1 },
        { text: skipped, rank: 4 },
        { text: waiting >= waitingToTell ? waits : "", rank: 5 },
        { text: epoch, rank: 6 },
      ],
    }, [
      count,
      `${Math.floor(100 * share)} %`,
      epoch,
      lossText,
      images,
      waits,
      times,
      skipped,
    ]);
  }
}

/** The share of a step's work per image that a pass without gradients takes. */
const forwardShare = 1 / 3;

/** The evaluation after the last step, in steps: one pass through the model for each of its images. */
function finalStepsOf({ finalImages = 0, config }: Extract<RunEvent, { type: "start" }>): number {
  const batch = config?.batchSize;
  return typeof batch === "number" && batch > 0 ? forwardShare * finalImages / batch : 0;
}

/** Progress on stderr: `plainSeconds` between lines if it is not a terminal. */
export function openProgress(plainSeconds: number, quiet: boolean): Progress {
  return new Progress({
    write: writeNote,
    draw: (text) => writeRaw(Deno.stderr, text),
    isTerminal: Deno.stderr.isTerminal(),
    columns: terminalColumns,
    style: styleFor(Deno.stderr),
    now: () => performance.now() / 1000,
    plainSeconds,
    quiet,
  });
}

/** `: 4 blocks of width 128, 32 px` if a config has a model; a pretrained one by its name. */
function describeModel({ task, model, pretrained }: Readonly<Record<string, unknown>>): string {
  const { depth, embedDim, imageSize } = (model ?? {}) as Record<string, unknown>;
  // Its sizes are its own, whatever the config says.
  if (typeof pretrained === "string") {
    return task === "pretrain" ? `, continuing ${pretrained}` : ` of ${pretrained}`;
  }
  if (typeof depth !== "number" || typeof embedDim !== "number") return "";
  const pixels = typeof imageSize === "number" ? `, ${imageSize} px` : "";
  return `: ${depth} blocks of width ${embedDim}${pixels}`;
}

/** What is about to run, for how many steps, and where it writes; how long follows from the first steps. */
function describeStart(event: Extract<RunEvent, { type: "start" }>): string[] {
  const { totalSteps, step, directory, config } = event;
  const task = titleOf(String(config?.task ?? "training"));
  const work = task.charAt(0).toUpperCase() + task.slice(1);
  const batch = config?.batchSize;
  const of = typeof batch === "number" ? ` of ${formatCount(batch)} ${plural(batch, "image")}` : "";
  const from = step > 0 ? `, from step ${formatCount(step)} on` : "";
  const steps = `${formatCount(totalSteps)} ${plural(totalSteps, "step")}${of}${from}`;
  return [
    `${work}${describeModel(config ?? {})}; ${steps}`,
    ...(directory === null ? [] : [`Writing to ${directory}`]),
  ];
}
