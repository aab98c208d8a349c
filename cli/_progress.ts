/**
 * Shows a run's events: one line that renews itself on a terminal, a plain line every few seconds
 * elsewhere. Nothing of it goes to stdout.
 */
import type { RunEvent, RunListener, StepMetrics } from "../pipeline/events.ts";
import type { Style } from "./_style.ts";

/** Where progress is written and how. */
export interface ProgressOptions {
  write(text: string): void;
  /** Whether the line may be renewed in place. */
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

/** Seconds between renewals of the line on a terminal. */
const LIVE_SECONDS = 0.1;

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

/** A number in about four digits: `5.312`, `0.0123`, `1.2e-5`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1);
  return value.toPrecision(4);
}

/** A mean that forgets: enough of the past for a steady ETA, little enough to follow a change. */
class MovingMean {
  #mean: number | null = null;
  add(value: number): number {
    this.#mean = this.#mean === null ? value : 0.95 * this.#mean + 0.05 * value;
    return this.#mean;
  }
}

/** Writes progress from a run's events. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #stepTime = new MovingMean();
  readonly #dataTime = new MovingMean();
  #lastWritten = -Infinity;
  /** The line that stands on the terminal and must be cleared before anything else. */
  #isLive = false;
  /** The work that is under way beside steps, and where it stood when it was first heard of. */
  #workName: string | null = null;
  #workStart = { time: 0, done: 0 };

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** Hand this to the task. */
  readonly listener: RunListener = (event: RunEvent) => {
    const { style, quiet } = this.#options;
    switch (event.type) {
      case "step":
        this.#step(event.metrics, event.totalSteps);
        break;
      case "warning":
        this.line(`${style.yellow("warning:")} ${event.message}`, true);
        break;
      case "note":
        this.line(event.message);
        break;
      case "progress":
        this.#work(event);
        break;
      case "start":
        if (event.directory !== null) this.line(`Writing to ${event.directory}`);
        break;
      case "evaluation": {
        const figures = Object.entries(event.result).map(([name, value]) =>
          `${name} ${formatNumber(value)}`
        );
        this.line(`step ${event.step}  ${event.name}: ${figures.join(", ")}`);
        break;
      }
      case "checkpoint":
        if (!quiet && !this.#options.isTerminal) this.line(`Saved ${event.path}`);
        break;
      case "epoch":
      case "done":
        this.#clear();
        break;
    }
  };

  /** Writes a line of its own; the renewed one comes back below it with the next step. */
  line(text: string, always = false): void {
    if (this.#options.quiet && !always) return;
    this.#clear();
    this.#options.write(`${text}\n`);
  }

  /** Takes the renewed line away. */
  close(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#isLive) this.#options.write("\r\x1b[K");
    this.#isLive = false;
  }

  #work({ what, done, total }: Extract<RunEvent, { type: "progress" }>): void {
    const { isTerminal, plainSeconds, now } = this.#options;
    const time = now();
    if (this.#workName !== what) {
      this.#workName = what;
      this.#workStart = { time, done };
      // Work that is over soon needs no plain line.
      if (!isTerminal) this.#lastWritten = time;
    }
    if (done === total) {
      this.#workName = null;
      return this.#clear();
    }
    const start = this.#workStart;
    const left = total === null || done <= start.done
      ? ""
      : `ETA ${formatDuration((total - done) * (time - start.time) / (done - start.done))}`;
    const share = total === null || total === 0 ? "" : `${Math.floor(100 * done / total)} %`;
    const count = total === null ? String(done) : `${done}/${total}`;
    this.#renew([what, count, share, left], time, plainSeconds);
  }

  /** Shows a line if the last one has stood long enough. */
  #renew(parts: readonly string[], time: number, plainSeconds: number): void {
    const { quiet, isTerminal, write } = this.#options;
    if (quiet || time - this.#lastWritten < (isTerminal ? LIVE_SECONDS : plainSeconds)) return;
    this.#lastWritten = time;
    const line = parts.filter((part) => part !== "").join("  ");
    if (!isTerminal) return write(`${line}\n`);
    const columns = Math.max(20, this.#options.columns());
    const cut = line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
    write(`\r\x1b[K${cut}`);
    this.#isLive = true;
  }

  #step(metrics: StepMetrics, totalSteps: number): void {
    const stepTime = this.#stepTime.add(metrics.stepTime);
    const dataTime = this.#dataTime.add(metrics.dataTime);
    const { plainSeconds, now } = this.#options;
    const isLast = metrics.step >= totalSteps;
    if (isLast) this.#lastWritten = -Infinity;
    this.#renew(describeStep(metrics, totalSteps, stepTime, dataTime), now(), plainSeconds);
  }
}

/** `187`, `3.2`, `0.054`: whole numbers from ten on, two digits below. */
function formatRate(rate: number): string {
  return rate >= 10 ? formatNumber(Math.round(rate)) : String(Number(rate.toPrecision(2)));
}

function describeStep(
  metrics: StepMetrics,
  totalSteps: number,
  stepTime: number,
  dataTime: number,
): string[] {
  const images = metrics.imagesPerSecond * metrics.stepTime;
  return [
    `step ${metrics.step}/${totalSteps}`,
    `epoch ${metrics.epoch.toFixed(2)}`,
    `loss ${formatNumber(metrics.loss)}`,
    `${formatRate(images / stepTime)} images/s`,
    `data ${Math.round(100 * Math.min(1, dataTime / stepTime))} %`,
    metrics.step < totalSteps
      ? `ETA ${formatDuration((totalSteps - metrics.step) * stepTime)}`
      : "",
    metrics.skipped ? "skipped" : "",
  ];
}
