/**
 * The directory of one run: its lock, config, logs and checkpoints.
 *
 * ```
 * RUN/config.json      the resolved config, with the origin of each value
 * RUN/metrics.jsonl    one JSON object a step
 * RUN/events.jsonl     everything else that happened: evaluations, checkpoints, warnings
 * RUN/events.out.tfevents.*   the same for TensorBoard
 * RUN/report.html      all of it on one page
 * RUN/result.json      what the finished run gave
 * RUN/checkpoints/     see store.ts
 * ```
 *
 * @module
 */

import { join } from "node:path";
import { messageOf, UserError } from "../core/errors.ts";
import { AppendLog, lastRecord, type LogRecord } from "./append_log.ts";
import { writeError } from "./disk_space.ts";
import { EventFile } from "./event_file.ts";
import { RunLock } from "./run_lock.ts";
import { type NamedTensors, writeSafetensors } from "./safetensors_writer.ts";
import {
  type CheckpointContent,
  latestCheckpoint,
  loadCheckpoint,
  type LoadedCheckpoint,
  type Retention,
  saveCheckpoint,
  type SavedCheckpoint,
} from "./store.ts";

/** The file of a run directory with the numbers of its steps. */
export const metricsFile = "metrics.jsonl";
/** The file of a run directory with everything else that happened. */
export const eventsFile = "events.jsonl";
export const configFile = "config.json";
/** The file of a run directory that holds what the finished run gave. */
export const resultFile = "result.json";

/** An open run directory, locked for this process. */
export class RunDirectory {
  readonly path: string;
  readonly #lock: RunLock;
  #metrics: AppendLog | null = null;
  #events: AppendLog | null = null;

  private constructor(path: string, lock: RunLock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Creates or opens a run directory and locks it.
   *
   * @throws UserError where it cannot be written, or another process writes it
   */
  static open(path: string): RunDirectory {
    return new RunDirectory(path, RunLock.acquire(path));
  }

  /** What `config.json` holds, or null before the first start. */
  readConfig(): unknown {
    return readRunConfig(this.path);
  }

  writeConfig(config: unknown): void {
    this.writeText(configFile, JSON.stringify(config, null, 2) + "\n");
  }

  /** Replaces a file of the directory at once: a reader sees the old text or the new one. */
  writeText(name: string, text: string): void {
    const target = join(this.path, name);
    try {
      Deno.writeTextFileSync(`${target}.tmp`, text);
      Deno.renameSync(`${target}.tmp`, target);
    } catch (error) {
      throw writeError(`write "${target}"`, error);
    }
  }

  /** Replaces a model file of the directory at once; gives its path. */
  async writeModel(
    name: string,
    tensors: NamedTensors,
    metadata: Record<string, string>,
  ): Promise<string> {
    const target = join(this.path, name);
    await writeSafetensors(target, tensors, metadata);
    return target;
  }

  /** The newest whole checkpoint, and what is wrong with newer ones that are not. */
  latest(): { checkpoint: LoadedCheckpoint | null; broken: string[] } {
    const { checkpoint, broken } = latestCheckpoint(this.path);
    return {
      checkpoint: checkpoint === undefined ? null : loadCheckpoint(checkpoint.directory),
      broken: broken.map(({ directory, reason }) => `${directory}: ${reason}`),
    };
  }

  /** Saves a checkpoint; all metrics up to it are on the disk before it is. */
  async save(
    step: number,
    content: CheckpointContent,
    retention: Retention,
  ): Promise<SavedCheckpoint> {
    this.#metrics?.flush();
    this.#events?.flush();
    return await saveCheckpoint(this.path, step, content, retention);
  }

  /**
   * Starts the logs, or goes on with them. What a killed process wrote after `step`, and a half-written
   * last line, are dropped.
   */
  startLogs(step: number): void {
    this.#metrics = AppendLog.open(join(this.path, metricsFile), step);
    this.#events = AppendLog.open(join(this.path, eventsFile), step);
  }

  /** Starts TensorBoard's events, or goes on with them as {@link RunDirectory.startLogs} does. */
  startTensorBoard(step: number): EventFile {
    return EventFile.open(this.path, step);
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
    this.#metrics = this.#events = null;
    this.#lock.release();
  }
}

/** What `config.json` of a run directory holds; null where there is none. */
export function readRunConfig(path: string): unknown {
  return readJson(join(path, configFile), "restore it, or start anew in another directory");
}

/** What a finished run left in `result.json`; null where there is none. */
export function readRunResult(path: string): unknown {
  return readJson(join(path, resultFile), "delete it: it is made anew");
}

/** The last whole line of the log of a run; null where it has none. */
export function readLastMetrics(path: string): unknown {
  return lastRecord(join(path, metricsFile));
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
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`Cannot read "${file}": ${messageOf(error)}`, { hint, cause: error });
  }
}
