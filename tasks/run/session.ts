/**
 * What every training task does around its loop: start the backend, open the run directory, find the
 * checkpoint to go on from, write metrics and checkpoints.
 *
 * @module
 */

import type { Backend, Context, Precision } from "../../backends/backend.ts";
import type { DownloadOptions } from "../../checkpoints/download.ts";
import { RunDirectory } from "../../checkpoints/run_directory.ts";
import type { NamedTensors } from "../../checkpoints/safetensors_writer.ts";
import type { JsonValue, LoadedCheckpoint } from "../../checkpoints/store.ts";
import { UserError } from "../../core/errors.ts";
import type { Config } from "../../configs/schema.ts";
import type { NamedValues, ParameterSet } from "../../models/parameter_set.ts";
import type { StepFailure } from "../../pipeline/divergence.ts";
import type { RunEvent, RunListener } from "../../pipeline/events.ts";
import { Hooks, type RunHook } from "../../pipeline/hooks.ts";
import { StepProfiler } from "../../pipeline/profile.ts";
import type { Updater } from "../../pipeline/optimize/optimizer.ts";
import { chromeTrace, describeProfile } from "../../report/profile.ts";
import { configHash } from "./config_hash.ts";
import { DiskWatch } from "./disk_watch.ts";
import { startBackend } from "./start_backend.ts";
import { writeFailure } from "../replay/failure_bundle.ts";
import { RunHealth } from "../../pipeline/health.ts";
import { checkpointBytes } from "./plan_disk.ts";
import { readValues, toTensors } from "./model_tensors.ts";
import { runFacts } from "../recording/run_facts.ts";
import { type DrawPictures, RunRecorder } from "../recording/run_recorder.ts";
import type { Source } from "../../data/source.ts";

/** How to run a task; everything that decides the numbers is in its config instead. */
export interface RunOptions {
  /** Where to compute; default: what `config.backend` says, started and disposed by the run. */
  readonly backend?: Backend;
  /** The run's directory; null keeps nothing on disk. */
  readonly directory?: string | null;
  /**
   * What to do with a run that the directory holds: `auto` goes on where it was interrupted and
   * refuses a finished one, `always` goes on from its last checkpoint, and there must be one.
   */
  readonly resume?: "auto" | "always";
  /** Receives the run's events; a part of the program: what it throws ends the run. */
  readonly listener?: RunListener;
  /** Receive them too, as guests: what they throw becomes a warning; see {@link RunHook}. */
  readonly hooks?: readonly RunHook[];
  /** Ends the run after the current step, saved. */
  readonly signal?: AbortSignal;
  /** Where each config value came from, for `config.json`. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Memory that the micro-batch may be chosen for, bytes; default 8 GiB. */
  readonly memoryBudgetBytes?: number;
  /** Measures a few steps and keeps `profile.txt` and `trace.json` in the run's directory. */
  readonly profiles?: boolean;
  /** The most images of a micro-batch that is chosen; see `smaller_micro_batches.ts`. */
  readonly mostMicroBatch?: number;
  /** Told the micro-batch when it is known. */
  readonly onMicroBatch?: (images: number) => void;
  /** How weights that a config names by a model card are fetched. */
  readonly downloads?: DownloadOptions;
}

/** What a checkpoint's `state.json` holds beside its tensors. */
interface RunState {
  task: string;
  configHash: string;
  seed: number;
  model: JsonValue;
  /** Whether the schedule was done. */
  finished: boolean;
}

/** The trained things that a checkpoint holds, by group. */
export interface Trained {
  readonly parameters: ParameterSet;
  readonly optimizer: Updater;
  /** The model's shape, so that the checkpoint can be loaded without its config. */
  readonly model: object;
  /** State that is neither a parameter nor the optimizer's, kept as a tensor group `extra`. */
  readonly extra?: () =>
    | ReadonlyMap<string, NamedValues>
    | Promise<ReadonlyMap<string, NamedValues>>;
  /** Values beside the parameters whose spread is recorded at checkpoints. */
  readonly histograms?: () => ReadonlyMap<string, NamedValues>;
}

/** An open run. */
export class RunSession {
  readonly on: Context;
  readonly #config: Config;
  readonly #options: RunOptions;
  readonly #directory: RunDirectory | null;
  readonly #checkpoint: LoadedCheckpoint | null;
  readonly #ownsBackend: boolean;
  readonly #hash: string;
  readonly #recorder: RunRecorder | null;
  readonly #hooks: Hooks;
  readonly #health: RunHealth;
  readonly #disk: DiskWatch;

  private constructor(fields: {
    on: Context;
    config: Config;
    options: RunOptions;
    directory: RunDirectory | null;
    checkpoint: LoadedCheckpoint | null;
    hash: string;
  }) {
    this.on = fields.on;
    this.#config = fields.config;
    this.#options = fields.options;
    this.#directory = fields.directory;
    this.#checkpoint = fields.checkpoint;
    this.#ownsBackend = fields.options.backend === undefined;
    this.#hash = fields.hash;
    const path = fields.directory?.path ?? null;
    this.#disk = new DiskWatch(fields.config, path, (event) => this.listener(event));
    this.#health = new RunHealth(fields.config.guard, (event) => this.listener(event));
    const warn = (kind: "hook" | "record") => (message: string) =>
      this.listener({ type: "warning", kind, message });
    this.#hooks = new Hooks(fields.options.hooks ?? [], warn("hook"));
    this.#recorder = fields.directory === null ? null : new RunRecorder({
      directory: fields.directory,
      config: fields.config,
      origins: fields.options.origins ?? new Map(),
      facts: runFacts(fields.on, fields.config),
      warn: warn("record"),
    });
  }

  /** Opens the directory and starts the backend; see {@link RunOptions}. */
  static async open(config: Config, options: RunOptions): Promise<RunSession> {
    // Handed on as soon as there is a session to record them.
    const early: RunEvent[] = [];
    const listener: RunListener = (event) => early.push(event);
    const hash = await configHash(config);
    const path = options.directory ?? null;
    const directory = path === null ? null : RunDirectory.open(path);
    try {
      const checkpoint = directory === null
        ? null
        : findCheckpoint(directory, hash, options, listener);
      const { backend, notes } = options.backend === undefined
        ? await startBackend(config.backend)
        : { backend: options.backend, notes: [] };
      for (const message of notes) listener({ type: "note", message });
      listener({
        type: "note",
        message: `Computing on ${backend.name}: ${backend.capabilities.description}`,
      });
      const precision = choosePrecision(config.precision, backend, listener);
      const on = { backend, precision };
      directory?.writeConfig({
        config,
        origins: Object.fromEntries(options.origins ?? []),
        hash,
      });
      const session = new RunSession({ on, config, options, directory, checkpoint, hash });
      for (const event of early) session.listener(event);
      return session;
    } catch (error) {
      for (const event of early) options.listener?.(event);
      directory?.close();
      throw error;
    }
  }

  /** The run's directory, or null where nothing is kept. */
  get directory(): string | null {
    return this.#directory?.path ?? null;
  }

  /** Records every event and hands it on. */
  readonly listener: RunListener = (event: RunEvent) => {
    const whole = event.type === "start" ? { ...event, config: { ...this.#config } } : event;
    this.#recorder?.listen(whole);
    this.#options.listener?.(whole);
    this.#hooks.dispatch(whole);
    if (event.type === "step") this.#health.see(event.metrics);
  };

  /** Measures some of the first steps, where that is wanted. */
  profiler(): StepProfiler | null {
    if (!this.#options.profiles) return null;
    return new StepProfiler(this.on.backend, (profile) => {
      const text = describeProfile(profile);
      this.writeText("profile.txt", text);
      this.writeText("trace.json", chromeTrace(profile));
      const kept = this.directory === null
        ? ""
        : `\nKept in ${this.directory}/profile.txt; open trace.json in Perfetto or chrome://tracing`;
      this.listener({ type: "note", message: text + kept });
    });
  }

  /** Tells the records what the run learns from. */
  describeData({ length, classes }: Pick<Source, "length" | "classes">): void {
    const { source } = this.#config.data;
    this.#recorder?.describeData({ location: source, files: length, classes });
  }

  /** Has pictures drawn for the records at every checkpoint. */
  setPictures(draw: DrawPictures): void {
    this.#recorder?.setPictures(draw);
  }

  /** The model's shape in the checkpoint to go on from; null for a new run. */
  get savedModel(): object | null {
    const state = this.#checkpoint?.state as unknown as RunState | undefined;
    return state === undefined ? null : state.model as object;
  }

  /** What `Trained.extra` gave when the checkpoint to go on from was saved; null for a new run. */
  async readExtra(): Promise<ReadonlyMap<string, NamedValues> | null> {
    return this.#checkpoint === null ? null : await readGroup(this.#checkpoint, "extra");
  }

  /** Loads the checkpoint to go on from, if there is one; gives the steps done. */
  async restore(trained: Trained): Promise<number> {
    const checkpoint = this.#checkpoint;
    let step = 0;
    if (checkpoint !== null) {
      const { missing } = trained.parameters.load(this.on, await readGroup(checkpoint, "model"));
      if (missing.length > 0) {
        throw new UserError(
          `Cannot resume from "${checkpoint.directory}": it lacks "${missing[0]}"` +
            (missing.length > 1 ? ` and ${missing.length - 1} more` : ""),
          { hint: "it is a checkpoint of another model" },
        );
      }
      trained.optimizer.load(this.on, await readGroup(checkpoint, "optimizer"));
      step = checkpoint.step;
      this.listener({ type: "note", message: `Resuming after step ${step}` });
    }
    this.#recorder?.begin(step);
    this.#disk.look(checkpointBytes(trained.parameters.count));
    return step;
  }

  /** Saves a checkpoint of the run. */
  async save(step: number, trained: Trained, finished: boolean): Promise<void> {
    if (this.#directory === null) return;
    const state: RunState = {
      task: this.#config.task,
      configHash: this.#hash,
      seed: this.#config.seed,
      model: trained.model as JsonValue,
      finished,
    };
    const { keepLast, keepEvery } = this.#config.checkpoint;
    const parameters = await trained.parameters.export();
    const tensors: Record<string, NamedTensors> = {
      model: toTensors(parameters),
      optimizer: toTensors(await trained.optimizer.export()),
    };
    if (trained.extra !== undefined) tensors.extra = toTensors(await trained.extra());
    const { directory } = await this.#directory.save(
      step,
      { tensors, state: state as unknown as JsonValue },
      { keepLast, ...(keepEvery === null ? {} : { keepEvery }) },
    );
    this.listener({ type: "checkpoint", step, path: directory });
    this.#disk.look(checkpointBytes(trained.parameters.count));
    const weights = Array.from(parameters, ([name, value]) => [`weights/${name}`, value] as const);
    await this.#recorder?.checkpoint(step, new Map([...weights, ...trained.histograms?.() ?? []]));
  }

  /** Keeps what a step that is not finite follows from; gives where, null where nothing is kept. */
  async saveFailure(
    failure: StepFailure<object>,
    trained: Pick<Trained, "parameters" | "model">,
    about: { readonly frozenStage: string | null; readonly stages?: object | undefined },
  ): Promise<string | null> {
    if (this.#directory === null || !this.#config.guard.failureBundle) return null;
    return await writeFailure(this.#directory.path, failure, {
      config: this.#config,
      backend: this.on.backend.name,
      model: trained.model,
      parameters: await trained.parameters.export(),
      frozenStage: about.frozenStage,
      ownStages: Object.keys(about.stages ?? {}),
    });
  }

  /** Replaces a text file in the run's directory. */
  writeText(name: string, text: string): void {
    this.#directory?.writeText(name, text);
  }

  /** Replaces a model file in the run's directory; gives its path, null where nothing is kept. */
  async writeModel(
    name: string,
    values: ReadonlyMap<string, NamedValues>,
    metadata: Record<string, string>,
  ): Promise<string | null> {
    return await this.writeTensors(name, toTensors(values), metadata);
  }

  /** Replaces a file of tensors in the run's directory; gives its path, null where none is kept. */
  async writeTensors(
    name: string,
    tensors: NamedTensors,
    metadata: Record<string, string>,
  ): Promise<string | null> {
    return await this.#directory?.writeModel(name, tensors, metadata) ?? null;
  }

  async close(): Promise<void> {
    try {
      await this.#hooks.settle();
      await this.#recorder?.close();
    } finally {
      this.#directory?.close();
      if (this.#ownsBackend) await this.on.backend.dispose();
    }
  }
}

async function readGroup(checkpoint: LoadedCheckpoint, group: string) {
  const file = await checkpoint.open(group);
  try {
    return await readValues(file);
  } finally {
    file.close();
  }
}

function findCheckpoint(
  directory: RunDirectory,
  hash: string,
  options: RunOptions,
  listener: RunListener,
): LoadedCheckpoint | null {
  const { checkpoint, broken } = directory.latest();
  for (const message of broken) {
    listener({
      type: "warning",
      kind: "brokenCheckpoint",
      message: `Skipping a broken checkpoint: ${message}`,
    });
  }
  if (checkpoint === null) {
    if (options.resume === "always") {
      throw new UserError(`Cannot resume "${directory.path}": it holds no whole checkpoint`, {
        hint: "give the directory of a run, or start one with --out",
      });
    }
    return null;
  }
  const state = checkpoint.state as unknown as RunState;
  if (options.resume !== "always" && state.finished) {
    throw new UserError(
      `Cannot start in "${directory.path}": it holds a finished run (step ${checkpoint.step})`,
      { hint: "choose another --out, or lengthen the run with --resume and --max-steps" },
    );
  }
  if (state.configHash !== hash) {
    throw new UserError(
      `Cannot go on in "${directory.path}": its run was started with another config`,
      { hint: "choose another --out, or repeat the options of that run (config.json holds them)" },
    );
  }
  return checkpoint;
}

/** The number format that a config's `precision` means on a backend. */
function choosePrecision(
  wanted: "auto" | "amp" | "float32",
  backend: Backend,
  listener: RunListener,
): Precision {
  if (wanted === "float32") return "float32";
  const [reduced] = backend.capabilities.reducedPrecisions;
  if (reduced !== undefined) {
    // The reference backend only imitates reduced precision, slowly: it must be asked for.
    return wanted === "auto" && backend.name === "reference" ? "float32" : reduced;
  }
  if (wanted === "amp") {
    throw new UserError(
      `Cannot use mixed precision on ${backend.name}: ${backend.capabilities.description} has no ` +
        "reduced format",
      { hint: "use --precision auto or float32" },
    );
  }
  listener({ type: "note", message: `No reduced precision on ${backend.name}: running float32` });
  return "float32";
}
