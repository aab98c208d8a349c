/**
 * The directory of one run: its lock, config, logs and checkpoints.
 *
 * ```
 * RUN/config.json      the resolved config, with the origin of each value
 * RUN/metrics.jsonl    one JSON object per step
 * RUN/events.jsonl     everything else that happened: evaluations, checkpoints, warnings
 * RUN/events.out.tfevents.*   the same, for TensorBoard
 * RUN/report.html      all of it on one page
 * RUN/result.json      the results of the finished run
 * RUN/checkpoints/     see store.ts
 * ```
 *
 * @module
 */

import { join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import { withoutMark } from "../../core/text_lines.ts";
import { AppendLog, lastRecord, type LogRecord } from "./append_log.ts";
import { writeError } from "./disk_space.ts";
import { EventFile, type EventFilePosition } from "./event_file.ts";
import { RunLock } from "./run_lock.ts";
import { type NamedTensors, writeSafetensors } from "../safetensors/safetensors_writer.ts";
import {
  type CheckpointContent,
  latestCheckpoint,
  loadCheckpoint,
  type LoadedCheckpoint,
  type Retention,
  saveCheckpoint,
  type SavedCheckpoint,
} from "./store.ts";
import { exists } from "../path_kinds.ts";

/** The file in a run directory with the metrics of its steps. */
export const metricsFile = "metrics.jsonl";
/** The file in a run directory with everything else that happened. */
export const eventsFile = "events.jsonl";
export const configFile = "config.json";
/** The file in a run directory with the results of the finished run. */
export const resultFile = "result.json";

/** How far a run's logs went when a checkpoint was saved, in bytes. */
export interface LogPositions {
  readonly metrics: number;
  readonly events: number;
  readonly tensorBoard?: EventFilePosition;
}

/** An open run directory, locked for this process. */
export class RunDirectory {
  readonly path: string;
  readonly #lock: RunLock;
  #metrics: AppendLog | null = null;
  #events: AppendLog | null = null;
  #tensorBoard: EventFile | null = null;

  private constructor(path: string, lock: RunLock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Creates or opens a run directory and locks it.
   *
   * @throws UserError if it cannot be written, or another process is using it
   */
  static open(path: string): RunDirectory {
    return new RunDirectory(path, RunLock.acquire(path));
  }

  /** The contents of `config.json`, or null before the first start. */
  readConfig(): unknown {
    return readRunConfig(this.path);
  }

  writeConfig(config: unknown): void {
    this.writeText(configFile, JSON.stringify(config, null, 2) + "\n");
  }

  /** Replaces a file in the directory atomically: a reader sees the old text or the new one. */
  writeText(name: string, text: string): void {
    this.requirePresent();
    const target = join(this.path, name);
    try {
      Deno.writeTextFileSync(`${target}.tmp`, text);
      Deno.renameSync(`${target}.tmp`, target);
    } catch (error) {
      throw writeError(`write "${target}"`, error);
    }
  }

  /** Replaces a model file in the directory atomically; returns its path. */
  async writeModel(
    name: string,
    tensors: NamedTensors,
    metadata: Record<string, string>,
  ): Promise<string> {
    this.requirePresent();
    const target = join(this.path, name);
    await writeSafetensors(target, tensors, metadata);
    return target;
  }

  /** The latest complete checkpoint, and what is wrong with newer, incomplete ones. */
  latest(): { checkpoint: LoadedCheckpoint | null; broken: string[] } {
    const { checkpoint, broken } = latestCheckpoint(this.path);
    return {
      checkpoint: checkpoint === undefined ? null : loadCheckpoint(checkpoint.directory),
      broken: broken.map(({ directory, reason }) => `${directory}: ${reason}`),
    };
  }

  /** How far the logs go now; null before they are started. */
  get logPositions(): LogPositions | null {
    if (this.#metrics === null || this.#events === null) return null;
    return {
      metrics: this.#metrics.size,
      events: this.#events.size,
      ...(this.#tensorBoard === null ? {} : { tensorBoard: this.#tensorBoard.position }),
    };
  }

  /**
   * Saves a checkpoint; all metrics up to it are on disk first.
   *
   * @throws UserError if it cannot be written, or the directory is gone
   */
  async save(
    step: number,
    content: CheckpointContent,
    retention: Retention,
  ): Promise<SavedCheckpoint> {
    this.requirePresent();
    this.#metrics?.flush();
    this.#events?.flush();
    return await saveCheckpoint(this.path, step, content, retention);
  }

  /** Throws a `UserError` if the directory was deleted or moved while the run was writing to it. */
  requirePresent(): void {
    if (this.#lock.isHeld()) return;
    throw new UserError(
      `Cannot write to "${this.path}": the run's directory was deleted or moved while it was running`,
      { hint: "what was not moved is lost; start the run again" },
    );
  }

  /** Which logs disappeared while they were being written. */
  get missingLogs(): string[] {
    return [metricsFile, eventsFile].filter((name) => !exists(join(this.path, name)));
  }

  /**
   * Starts or continues the logs. Whatever a killed process wrote after `step`, and a half-written last line,
   * are dropped.
   *
   * @param positions of the logs when `step` was saved, if known
   */
  startLogs(step: number, positions: LogPositions | null = null): void {
    const open = (name: string, length?: number) =>
      AppendLog.open(join(this.path, name), step, length);
    this.#metrics = open(metricsFile, positions?.metrics);
    this.#events = open(eventsFile, positions?.events);
  }

  /** Starts or continues TensorBoard's events, like {@link RunDirectory.startLogs}. */
  startTensorBoard(step: number, positions: LogPositions | null = null): EventFile {
    return this.#tensorBoard = EventFile.open(this.path, step, positions?.tensorBoard);
  }

  /** Appends a line to `metrics.jsonl`. */
  appendMetrics(metrics: LogRecord): void {
    if (this.#metrics === null) throw new Error("startLogs() comes before appendMetrics()");
    this.#metrics.append(metrics);
  }

  /** Appends a line to `events.jsonl`. */
  appendEvent(event: LogRecord): void {
    if (this.#events === null) throw new Error("startLogs() comes before appendEvent()");
    this.#events.append(event);
  }

  close(): void {
    this.#metrics?.close();
    this.#events?.close();
    this.#metrics = this.#events = this.#tensorBoard = null;
    this.#lock.release();
  }
}

/** The contents of a run directory's `config.json`; null if there is none. */
export function readRunConfig(path: string): unknown {
  return readJson(join(path, configFile), "restore it, or start again in another directory");
}

/**
 * What a finished run left in `result.json`: null unless the file is complete and belongs to the latest
 * checkpoint and the end of the schedule, so that a run that was killed before its end, or cut short, is not
 * mistaken for a finished one.
 *
 * @param lastStep of the latest checkpoint
 */
export function finishedResult(path: string, lastStep: number | undefined): FinishedRun | null {
  let result: Partial<FinishedRun> | null;
  try {
    result = readJson(join(path, resultFile), "") as Partial<FinishedRun> | null;
  } catch {
    return null;
  }
  const { step, scheduleSteps = step, interrupted, stoppedEarly = null } = result ?? {};
  if (typeof step !== "number" || step !== (lastStep ?? 0) || interrupted !== false) return null;
  return step >= scheduleSteps! || stoppedEarly !== null ? result as FinishedRun : null;
}

/** What {@link finishedResult} finds in a directory; null if its run is not finished. */
export function finishedRun(path: string): FinishedRun | null {
  return finishedResult(path, latestCheckpoint(path).checkpoint?.step);
}

/** What is known about any finished run; each method adds its own metrics. */
export interface FinishedRun {
  readonly step: number;
  /** Steps of the whole schedule; missing in runs of version 0.1. */
  readonly scheduleSteps?: number;
  readonly interrupted: false;
  /** Where `evaluation.stop` ended it. */
  readonly stoppedEarly?: object | null;
}

/** The last whole line of a run's log; null if there is none. */
export function readLastMetrics(path: string): unknown {
  return lastRecord(join(path, metricsFile));
}

/** The metrics of a step in a run's log; null if that is not its last line. */
export function lastMetricsAt(path: string, step: number): Record<string, number> | null {
  const last = lastRecord(join(path, metricsFile));
  if (last?.step !== step) return null;
  const numbers = Object.entries(last).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(numbers) as Record<string, number>;
}

function readJson(file: string, hint: string): unknown {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UserError(`Cannot read "${file}": ${messageOf(error)}`, { cause: error });
  }
  try {
    return JSON.parse(withoutMark(text));
  } catch (error) {
    throw new UserError(`Cannot read "${file}": ${messageOf(error)}`, { hint, cause: error });
  }
}
