/**
 * A run's checkpoints: saving and restoring everything that is trained, identically on all ranks.
 *
 * @module
 */

import { communicatorOf } from "../../../backends/backend.ts";
import type { NamedTensors } from "../../../checkpoints/safetensors/safetensors_writer.ts";
import type { JsonValue, LoadedCheckpoint } from "../../../checkpoints/store/store.ts";
import { UserError } from "../../../core/errors.ts";
import { fingerprint } from "../../../core/fingerprint.ts";
import { gatherJson } from "../../../distributed/communicator.ts";
import {
  lazily,
  type LazyValues,
  type NamedValues,
  type ParameterSet,
  readAll,
} from "../../../models/parameter_set.ts";
import { readAhead } from "../../../models/read_ahead.ts";
import type { Updater } from "../../optimize/optimizer.ts";
import { readValues, toTensors } from "../../weights/model_tensors.ts";
import type { KeptState, ValueMap } from "../method.ts";
import { checkpointBytes } from "../planning/plan_disk.ts";
import type { RunState } from "../run_state.ts";
import type { RunSession } from "../session.ts";
import { shareValues } from "../training/shared_values.ts";

/** What a checkpoint holds of the trained parts, by group. */
export interface Trained {
  /** The method's parameters and those of the user's stages; their names differ. */
  readonly sets: readonly ParameterSet[];
  readonly optimizer: Updater;
  /** Everything else, as a separate tensor group. */
  readonly kept: readonly KeptState[];
  /** Values besides the parameters whose distribution is recorded. */
  readonly histograms?: (() => ValueMap) | undefined;
}

/** Saves and restores a run. */
export class RunCheckpoints {
  readonly #session: RunSession;
  readonly #trained: Trained;
  /** Logs that are known to be missing. */
  readonly #missed = new Set<string>();

  constructor(session: RunSession, trained: Trained) {
    this.#session = session;
    this.#trained = trained;
  }

  /** The parts of a checkpoint that are neither parameters nor optimizer state, on all ranks. */
  static async readExtra(session: RunSession): Promise<ValueMap> {
    return (await readGroups(session, ["extra"])).extra;
  }

  get #count(): number {
    return this.#trained.sets.reduce((sum, { count }) => sum + count, 0);
  }

  /**
   * Loads the checkpoint to resume from, if any, and makes all ranks identical; returns the number
   * of steps done.
   *
   * @param extra from the same checkpoint
   */
  async restore(extra: ValueMap | null): Promise<number> {
    const { resumed, on, listener, recorder, disk } = this.#session;
    if (resumed === null) {
      await this.#synchronize();
    } else {
      const { model, optimizer } = await readGroups(this.#session, ["model", "optimizer"]);
      this.#load(model, `Cannot resume from "${resumed.directory}"`);
      this.#trained.optimizer.load(on, optimizer);
      for (const state of this.#trained.kept) state.load?.(extra!);
      listener({ type: "note", message: `Resuming after step ${resumed.step}` });
    }
    const step = resumed?.step ?? 0;
    recorder?.begin(step, this.#count, resumed?.state.logs ?? null);
    disk.look(checkpointBytes(this.#count));
    return step;
  }

  #load(values: ValueMap, what: string): void {
    const known = new Set(this.#trained.sets.flatMap(({ names }) => names));
    const strange = [...values.keys()].find((name) => isOfStage(name) && !known.has(name));
    if (strange !== undefined) {
      throw new UserError(`${what}: it holds "${strange}" of a stage that this run does not have`, {
        hint: "give the stages that the run was started with",
      });
    }
    const missing = this.#trained.sets.flatMap((set) => set.load(this.#session.on, values).missing);
    if (missing.length === 0) return;
    const isOwn = isOfStage(missing[0]);
    throw new UserError(
      `${what}: it lacks "${missing[0]}"` +
        (missing.length > 1 ? ` and ${missing.length - 1} more` : ""),
      {
        hint: isOwn
          ? "the run was started without that custom stage"
          : "it is a checkpoint of another model",
      },
    );
  }

  /** All parameters by name, each read back when it is needed. */
  get #parameters(): ReadonlyMap<string, LazyValues> {
    return readAhead(this.#session.on, lazily(this.#trained.sets.flatMap((set) => [...set])));
  }

  /** All parameters by name, read back. */
  exportParameters(): Promise<ValueMap> {
    return readAll(this.#parameters);
  }

  /** Copies rank 0's state to all ranks. */
  async #synchronize(): Promise<void> {
    const { on } = this.#session;
    const communicator = communicatorOf(on);
    if (communicator.size === 1) return;
    const own = communicator.rank > 0 ? null : {
      model: await this.exportParameters(),
      optimizer: await this.#trained.optimizer.export(),
    };
    const shared = await shareValues(communicator, own);
    for (const set of this.#trained.sets) set.load(on, shared.model);
    this.#trained.optimizer.load(on, shared.optimizer);
  }

  /**
   * Checks whether all ranks have bitwise identical parameters. Different kinds of processors may round
   * differently; all ranks then continue with rank 0's.
   */
  async #compareRanks(step: number): Promise<void> {
    const communicator = communicatorOf(this.#session.on);
    if (communicator.size === 1) return;
    const values = [...(await this.exportParameters()).values()].map(({ values }) => values);
    const prints = await gatherJson(communicator, fingerprint(values));
    const other = prints.findIndex((print) => print !== prints[0]);
    if (other < 0) return;
    if (communicator.rank === 0) {
      this.#session.listener({
        type: "warning",
        kind: "ranksDiffer",
        message:
          `After step ${step} the parameters of rank ${other} differ from those of rank 0: their ` +
          "hosts compute differently (other processors or drivers); all continue with those of rank 0",
      });
    }
    await this.#synchronize();
  }

  /** Saves a checkpoint. */
  async save(step: number, state: Omit<RunState, "logs">): Promise<void> {
    await this.#compareRanks(step);
    const { on, directory, config, listener, disk } = this.#session;
    if (directory === null) return;
    const parameters = this.#parameters;
    const extra = new Map<string, NamedValues | LazyValues>();
    for (const kept of this.#trained.kept) {
      for (const [name, value] of await kept.export()) extra.set(name, value);
    }
    const tensors: Record<string, NamedTensors> = {
      model: toTensors(parameters),
      optimizer: toTensors(readAhead(on, this.#trained.optimizer.lazy())),
      ...(this.#trained.kept.length === 0 ? {} : { extra: toTensors(extra) }),
    };
    for (const name of directory.missingLogs) {
      if (this.#missed.has(name)) continue;
      this.#missed.add(name);
      const message = `${name} is gone: its contents for the steps up to ${step} are lost`;
      listener({ type: "warning", kind: "record", message });
    }
    const logs = directory.logPositions;
    const whole: RunState = logs === null ? state : { ...state, logs };
    const { keepLast, keepEvery } = config.checkpoint;
    const saved = await directory.save(
      step,
      { tensors, state: whole as unknown as JsonValue },
      { keepLast, ...(keepEvery === null ? {} : { keepEvery }) },
    );
    listener({ type: "checkpoint", step, path: saved.directory });
    if (saved.leftOver !== null) {
      const message = `Something old remains in "${directory.path}/checkpoints": ${saved.leftOver}`;
      listener({ type: "warning", kind: "diskSpace", message });
    }
    disk.look(checkpointBytes(this.#count));
    await this.#record(step, parameters);
  }

  /** Records again what the logs contained about the restored checkpoint: they were truncated before it. */
  async recordAgain(step: number): Promise<void> {
    const { recorder, resumed } = this.#session;
    if (recorder === null || resumed === null) return;
    recorder.listen({ type: "checkpoint", step, path: resumed.directory });
    await this.#record(step, this.#parameters);
  }

  async #record(step: number, parameters: ReadonlyMap<string, LazyValues>): Promise<void> {
    const weights = Array.from(parameters, ([name, value]) => [`weights/${name}`, value] as const);
    const all = new Map<string, NamedValues | LazyValues>(weights);
    for (const [name, value] of this.#trained.histograms?.() ?? []) all.set(name, value);
    await this.#session.recorder?.checkpoint(step, all);
  }
}

/** Whether a user's stage brought a parameter. */
function isOfStage(name: string): boolean {
  return name.startsWith("stages.");
}

/** Tensor groups of the checkpoint to resume from, on all ranks; empty if it has none of that name. */
async function readGroups<const Names extends readonly string[]>(
  { on, checkpoint }: RunSession,
  names: Names,
): Promise<{ [Name in Names[number]]: ValueMap }> {
  const groups: Record<string, ValueMap> = {};
  if (checkpoint !== null) {
    for (const name of names) groups[name] = await readGroup(checkpoint, name);
  }
  const shared = await shareValues(communicatorOf(on), groups);
  return shared as Record<string, ValueMap> as { [Name in Names[number]]: ValueMap };
}

async function readGroup(checkpoint: LoadedCheckpoint, group: string): Promise<ValueMap> {
  if (!checkpoint.groups.includes(group)) return new Map();
  const file = await checkpoint.open(group);
  try {
    return await readValues(file);
  } finally {
    file.close();
  }
}
