/**
 * What every training task does around its loop: start the backend, open the run directory, find the
 * checkpoint to go on from, write metrics and checkpoints.
 *
 * @module
 */

import {
  type Backend,
  communicatorOf,
  type Context,
  type Precision,
} from "../../backends/backend.ts";
import type { DownloadOptions } from "../../checkpoints/download.ts";
import { RunDirectory } from "../../checkpoints/run_directory.ts";
import type { NamedTensors } from "../../checkpoints/safetensors_writer.ts";
import type { JsonValue, LoadedCheckpoint } from "../../checkpoints/store.ts";
import { type Communicator, gatherJson } from "../../distributed/communicator.ts";
import { single } from "../../distributed/single.ts";
import { UserError } from "../../core/errors.ts";
import { fingerprint } from "../../core/fingerprint.ts";
import type { Config } from "../../configs/schema.ts";
import type { NamedValues, ParameterSet } from "../../models/parameter_set.ts";
import type { StepFailure } from "../../pipeline/divergence.ts";
import type { RunEvent, RunListener } from "../../pipeline/events.ts";
import { Hooks, type RunHook } from "../../pipeline/hooks.ts";
import { StepProfiler } from "../../pipeline/profile.ts";
import type { Updater } from "../../pipeline/optimize/optimizer.ts";
import { WarningRelay } from "../../pipeline/warning_relay.ts";
import { chromeTrace, describeProfile } from "../../report/profile.ts";
import { configHash } from "./config_hash.ts";
import { DiskWatch } from "./disk_watch.ts";
import { startBackend } from "../../tasks/run/start_backend.ts";
import { writeFailure } from "./failure_bundle.ts";
import { RunHealth } from "../../pipeline/health.ts";
import { checkpointBytes } from "./plan_disk.ts";
import { readValues, toTensors } from "../../tasks/run/model_tensors.ts";
import { shareValues } from "./shared_values.ts";
import { runFacts } from "./run_facts.ts";
import { type DrawPictures, RunRecorder } from "./run_recorder.ts";
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
  /** The processes that share the run; default this one alone. Rank 0 alone writes and tells. */
  readonly communicator?: Communicator;
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

/** What all ranks know of the checkpoint to go on from. */
interface ResumedRun {
  readonly step: number;
  readonly model: object;
  readonly directory: string;
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
  /** On rank 0, whichever rank asks for what it holds. */
  readonly #checkpoint: LoadedCheckpoint | null;
  readonly #resumed: ResumedRun | null;
  readonly #relay: WarningRelay;
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
    resumed: ResumedRun | null;
    hash: string;
  }) {
    this.on = fields.on;
    this.#config = fields.config;
    this.#options = fields.options;
    this.#directory = fields.directory;
    this.#checkpoint = fields.checkpoint;
    this.#resumed = fields.resumed;
    this.#relay = new WarningRelay(communicatorOf(this.on), (event) => this.listener(event));
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
    const communicator = options.communicator ?? single;
    const path = communicator.rank === 0 ? options.directory ?? null : null;
    const directory = path === null ? null : RunDirectory.open(path);
    try {
      const checkpoint = directory === null
        ? null
        : findCheckpoint(directory, hash, options, listener);
      const { backend, notes } = options.backend === undefined
        ? await startBackend(config.backend, shareOfThreads(communicator))
        : { backend: options.backend, notes: [] };
      for (const message of notes) listener({ type: "note", message });
      listener({
        type: "note",
        message: `Computing on ${backend.name}: ${backend.capabilities.description}`,
      });
      const precision = choosePrecision(config.precision, backend, listener);
      const on = { backend, precision, communicator };
      await requireAlike(on, hash);
      const [resumed] = await gatherJson<ResumedRun | null>(
        communicator,
        checkpoint === null ? null : {
          step: checkpoint.step,
          model: (checkpoint.state as unknown as RunState).model as object,
          directory: checkpoint.directory,
        },
      );
      if (communicator.size > 1) {
        const { size, description } = communicator;
        listener({ type: "note", message: `${size} ranks: ${description}` });
      }
      directory?.writeConfig({
        config,
        origins: Object.fromEntries(options.origins ?? []),
        hash,
      });
      const session = new RunSession({
        ...{ on, config, options, directory, checkpoint, resumed, hash },
      });
      for (const event of early) session.listener(event);
      return session;
    } catch (error) {
      if (communicator.rank === 0) { for (const event of early) options.listener?.(event); }
      directory?.close();
      throw error;
    }
  }

  /** The run's directory, or null where nothing is kept. */
  get directory(): string | null {
    return this.#directory?.path ?? null;
  }

  /** Records every event and hands it on; of other ranks than 0 warnings only, by way of rank 0. */
  readonly listener: RunListener = (event: RunEvent) => {
    if (communicatorOf(this.on).rank > 0) {
      if (event.type === "warning") this.#relay.push(event);
      return;
    }
    const whole = event.type === "start" ? { ...event, config: { ...this.#config } } : event;
    this.#recorder?.listen(whole);
    this.#options.listener?.(whole);
    this.#hooks.dispatch(whole);
    if (event.type === "step") this.#health.see(event.metrics);
  };

  /** Brings the warnings of all ranks to rank 0. */
  get relay(): WarningRelay {
    return this.#relay;
  }

  /** Measures some of the first steps, where that is wanted. */
  profiler(): StepProfiler | null {
    if (!this.#options.profiles || communicatorOf(this.on).rank > 0) return null;
    const note = (message: string) => this.listener({ type: "note", message });
    return new StepProfiler(this.on.backend, (profile) => {
      const text = describeProfile(profile);
      this.writeText("profile.txt", text);
      this.writeText("trace.json", chromeTrace(profile));
      const kept = this.directory === null
        ? ""
        : `\nKept in ${this.directory}/profile.txt; open trace.json in Perfetto or chrome://tracing`;
      note(text + kept);
    }, note);
  }

  /** Tells the records what the run learns from. */
  describeData(
    { length, classes, notes = [] }: Pick<Source, "length" | "classes" | "notes">,
  ): void {
    const { source } = this.#config.data;
    for (const message of notes) this.listener({ type: "note", message });
    this.#recorder?.describeData({ location: source, files: length, classes });
  }

  /** Has pictures drawn for the records at every checkpoint. */
  setPictures(draw: DrawPictures): void {
    this.#recorder?.setPictures(draw);
  }

  /** The model's shape in the checkpoint to go on from; null for a new run. */
  get savedModel(): object | null {
    return this.#resumed?.model ?? null;
  }

  /** What `Trained.extra` gave when the checkpoint to go on from was saved; null for a new run. */
  async readExtra(): Promise<ReadonlyMap<string, NamedValues> | null> {
    return this.#resumed === null ? null : (await this.#readGroups(["extra"])).extra;
  }

  /** Tensor groups of the checkpoint to go on from, on all ranks. */
  async #readGroups<const Names extends readonly string[]>(
    names: Names,
  ): Promise<{ [Name in Names[number]]: Map<string, NamedValues> }> {
    const groups: Record<string, Map<string, NamedValues>> = {};
    if (this.#checkpoint !== null) {
      for (const name of names) groups[name] = await readGroup(this.#checkpoint, name);
    }
    const shared = await shareValues(communicatorOf(this.on), groups);
    return shared as { [Name in Names[number]]: Map<string, NamedValues> };
  }

  /**
   * Loads the checkpoint to go on from, if there is one, and makes all ranks alike; gives the steps
   * done.
   */
  async restore(trained: Trained): Promise<number> {
    const resumed = this.#resumed;
    let step = 0;
    if (resumed === null) {
      await this.#synchronize(trained);
    } else {
      const { model, optimizer } = await this.#readGroups(["model", "optimizer"]);
      const { missing } = trained.parameters.load(this.on, model);
      if (missing.length > 0) {
        throw new UserError(
          `Cannot resume from "${resumed.directory}": it lacks "${missing[0]}"` +
            (missing.length > 1 ? ` and ${missing.length - 1} more` : ""),
          { hint: "it is a checkpoint of another model" },
        );
      }
      trained.optimizer.load(this.on, optimizer);
      step = resumed.step;
      this.listener({ type: "note", message: `Resuming after step ${step}` });
    }
    this.#recorder?.begin(step, trained.parameters.count);
    this.#disk.look(checkpointBytes(trained.parameters.count));
    return step;
  }

  /** Gives all ranks the trained things of rank 0. */
  async #synchronize({ parameters, optimizer }: Trained): Promise<void> {
    const communicator = communicatorOf(this.on);
    if (communicator.size === 1) return;
    const own = communicator.rank > 0
      ? null
      : { model: await parameters.export(), optimizer: await optimizer.export() };
    const shared = await shareValues(communicator, own);
    parameters.load(this.on, shared.model);
    optimizer.load(this.on, shared.optimizer);
  }

  /**
   * Finds out whether all ranks have the same parameters, bit for bit. Processors of different kinds
   * may round differently; then all go on with those of rank 0.
   */
  async #compareRanks(step: number, trained: Trained): Promise<void> {
    const communicator = communicatorOf(this.on);
    if (communicator.size === 1) return;
    const values = [...(await trained.parameters.export()).values()].map(({ values }) => values);
    const prints = await gatherJson(communicator, fingerprint(values));
    const other = prints.findIndex((print) => print !== prints[0]);
    if (other < 0) return;
    if (communicator.rank === 0) {
      this.listener({
        type: "warning",
        kind: "ranksDiffer",
        message:
          `After step ${step} the parameters of rank ${other} are not those of rank 0: their ` +
          "hosts compute differently (other processors or drivers); all go on with those of rank 0",
      });
    }
    await this.#synchronize(trained);
  }

  /** Saves a checkpoint of the run. */
  async save(step: number, trained: Trained, finished: boolean): Promise<void> {
    await this.#compareRanks(step, trained);
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

  /** What is said at a run's end, by all ranks: the last warnings. */
  async finish(): Promise<void> {
    if (communicatorOf(this.on).size > 1) await this.#relay.exchange();
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

/** Threads of the cpu backend where ranks share processors; null for all there are. */
function shareOfThreads({ coreSharers }: Communicator): number | null {
  if (coreSharers === 1) return null;
  return Math.max(1, Math.floor(navigator.hardwareConcurrency / coreSharers));
}

/** Refuses ranks that would not train the same model. */
async function requireAlike(on: Context, hash: string): Promise<void> {
  const { backend, precision } = on;
  const all = await gatherJson(communicatorOf(on), { hash, backend: backend.name, precision });
  for (const [rank, other] of all.entries()) {
    const kind = (["hash", "backend", "precision"] as const).find((key) =>
      other[key] !== all[0][key]
    );
    if (kind === undefined) continue;
    const what = kind === "hash" ? "another config" : `${kind} ${other[kind]}`;
    throw new UserError(
      `Cannot train together: rank ${rank} has ${what}, rank 0 ` +
        (kind === "hash" ? "its own" : all[0][kind]),
      {
        hint: kind === "hash"
          ? "start all ranks by the same command with the same version"
          : `set --${kind} to what every host has`,
      },
    );
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
