/**
 * A run's surroundings: its directory, backend, listeners and records, opened and closed together.
 *
 * @module
 */

import { communicatorOf, type Context } from "../../backends/backend.ts";
import { RunDirectory } from "../../checkpoints/store/run_directory.ts";
import type { NamedTensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import type { LoadedCheckpoint } from "../../checkpoints/store/store.ts";
import type { RunConfig, TaskDefinition } from "../../configs/task.ts";
import { gatherJson } from "../../distributed/communicator.ts";
import { single } from "../../distributed/single.ts";
import type { RunEvent, RunListener } from "./events.ts";
import { RunHealth } from "./recording/health.ts";
import { Hooks } from "./recording/hooks.ts";
import { StepProfiler } from "./training/profile.ts";
import { WarningRelay } from "./recording/warning_relay.ts";
import { chromeTrace, describeProfile } from "../../report/profile.ts";
import { configHash } from "./resuming/config_hash.ts";
import { DiskWatch } from "./recording/disk_watch.ts";
import { findCheckpoint } from "./resuming/find_checkpoint.ts";
import { runFacts } from "./run_facts.ts";
import type { RunOptions } from "./run_options.ts";
import { RunRecorder } from "./recording/run_recorder.ts";
import type { ResumedRun } from "./run_state.ts";
import type { TransformerSizes } from "./computing/time_step.ts";
import { requireAlike, startContext } from "./computing/start_context.ts";

/** What a session needs to know of a method. */
type SessionMethod<C extends RunConfig> = {
  readonly task: TaskDefinition<C>;
  readonly name?: string;
  sizes?(config: C): TransformerSizes;
};

/** What a session is created from. */
interface SessionParts {
  readonly on: Context;
  readonly config: RunConfig;
  readonly options: RunOptions;
  readonly directory: RunDirectory | null;
  readonly checkpoint: LoadedCheckpoint | null;
  readonly resumed: ResumedRun | null;
  readonly hash: string;
  /** What the run does, in words. */
  readonly title: string;
  readonly ownMethod: string | undefined;
}

/** An open run. */
export class RunSession {
  readonly on: Context;
  readonly config: RunConfig;
  /** See `config_hash.ts`. */
  readonly hash: string;
  /** On rank 0, if the run is saved; null elsewhere. */
  readonly directory: RunDirectory | null;
  /** The checkpoint to resume from, on rank 0 … */
  readonly checkpoint: LoadedCheckpoint | null;
  /** … and what all ranks know about it; null for a new run. */
  readonly resumed: ResumedRun | null;
  readonly recorder: RunRecorder | null;
  readonly disk: DiskWatch;
  /** Forwards the warnings of all ranks to rank 0. */
  readonly relay: WarningRelay;
  readonly #options: RunOptions;
  readonly #hooks: Hooks;
  readonly #health: RunHealth;

  private constructor(parts: SessionParts) {
    const { on, config, options, directory, checkpoint, resumed, hash, title, ownMethod } = parts;
    this.on = on;
    this.config = config;
    this.hash = hash;
    this.directory = directory;
    this.checkpoint = checkpoint;
    this.resumed = resumed;
    this.#options = options;
    const tell: RunListener = (event) => this.listener(event);
    this.relay = new WarningRelay(communicatorOf(on), tell);
    this.disk = new DiskWatch(config, directory?.path ?? null, tell);
    this.#health = new RunHealth(config.guard, tell);
    const warn = (kind: "hook" | "record") => (message: string) =>
      tell({ type: "warning", kind, message });
    this.#hooks = new Hooks(options.hooks ?? [], warn("hook"));
    this.recorder = directory === null ? null : new RunRecorder({
      directory,
      title,
      config,
      origins: options.origins ?? new Map(),
      facts: runFacts(on, config, ownMethod),
      warn: warn("record"),
    });
  }

  /**
   * Opens the directory and starts the backend; see {@link RunOptions}.
   *
   * @param method has a name unless it is mimic's own for the task
   */
  static async open<C extends RunConfig>(
    { task, name: ownMethod, sizes }: SessionMethod<C>,
    config: C,
    options: RunOptions,
  ): Promise<RunSession> {
    // Forwarded once there is a session to record them.
    const early: RunEvent[] = [];
    const listener: RunListener = (event) => early.push(event);
    const hash = await configHash(config);
    const communicator = options.communicator ?? single;
    const wanted = options.directory === undefined ? config.output : options.directory;
    const path = communicator.rank === 0 ? wanted : null;
    const directory = path === null ? null : RunDirectory.open(path);
    let on: Context | null = null;
    try {
      const found = directory === null
        ? null
        : findCheckpoint(directory, task, config, hash, options, listener);
      const [resumed] = await gatherJson<ResumedRun | null>(communicator, found?.resumed ?? null);
      on = await startContext(config, options, listener, {
        sizes: sizes?.(config),
        before: resumed === null ? null : resumed.state.computation ?? {},
      });
      await requireAlike(on, hash);
      if (communicator.size > 1) {
        const { size, description } = communicator;
        listener({ type: "note", message: `${size} ranks: ${description}` });
      }
      const origins = Object.fromEntries(options.origins ?? []);
      directory?.writeConfig({ config, origins, hash });
      const checkpoint = found?.loaded ?? null;
      const session = new RunSession({
        ...{ on, config, options, directory, checkpoint, resumed, hash, ownMethod },
        title: task.title,
      });
      for (const event of early) session.listener(event);
      return session;
    } catch (error) {
      if (communicator.rank === 0) { for (const event of early) options.listener?.(event); }
      directory?.close();
      if (options.backend === undefined) await on?.backend.dispose();
      throw error;
    }
  }

  /** Where the run is saved, or null. */
  get path(): string | null {
    return this.directory?.path ?? null;
  }

  /** Records every event and passes it on; ranks other than 0 only send their warnings, through rank 0. */
  readonly listener: RunListener = (event: RunEvent) => {
    if (communicatorOf(this.on).rank > 0) {
      if (event.type === "warning") this.relay.push(event);
      return;
    }
    const whole = event.type === "start" ? { ...event, config: { ...this.config } } : event;
    this.recorder?.listen(whole);
    this.#options.listener?.(whole);
    this.#hooks.dispatch(whole);
    if (event.type === "step") this.#health.see(event.metrics);
  };

  /** Profiles some of the first steps, if asked for. */
  profiler(): StepProfiler | null {
    if (!this.#options.profiles || communicatorOf(this.on).rank > 0) return null;
    const note = (message: string) => this.listener({ type: "note", message });
    return new StepProfiler(this.on.backend, (profile) => {
      const text = describeProfile(profile);
      this.directory?.writeText("profile.txt", text);
      this.directory?.writeText("trace.json", chromeTrace(profile));
      const kept = this.path === null
        ? ""
        : `\nKept in ${this.path}/profile.txt; open trace.json in Perfetto or chrome://tracing`;
      note(text + kept);
    }, note);
  }

  /** Replaces a file of tensors in the run's directory; does nothing if the run is not saved. */
  async writeModel(
    name: string,
    tensors: NamedTensors,
    metadata: Record<string, string>,
  ): Promise<void> {
    await this.directory?.writeModel(name, tensors, metadata);
  }

  async close(): Promise<void> {
    try {
      await this.#hooks.settle();
      await this.recorder?.close();
    } finally {
      this.directory?.close();
      if (this.#options.backend === undefined) await this.on.backend.dispose();
    }
  }
}
