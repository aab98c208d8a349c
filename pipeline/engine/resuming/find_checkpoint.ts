/**
 * The checkpoint that a run resumes from, or why it cannot.
 *
 * @module
 */

import {
  finishedResult,
  lastMetricsAt,
  type RunDirectory,
} from "../../../checkpoints/store/run_directory.ts";
import type { LoadedCheckpoint } from "../../../checkpoints/store/store.ts";
import { commandOf, type RunConfig, type TaskDefinition } from "../../../configs/task.ts";
import { UserError } from "../../../core/errors.ts";
import type { RunListener } from "../events.ts";
import { decidingValues } from "./config_hash.ts";
import { differingKeys } from "./differing_keys.ts";
import type { RunOptions } from "../run_options.ts";
import type { ResumedRun, RunState } from "../run_state.ts";

/** A checkpoint, and what is known about its run. */
export interface FoundCheckpoint {
  readonly loaded: LoadedCheckpoint;
  readonly resumed: ResumedRun;
}

/**
 * Finds the latest complete checkpoint in a directory; null for a new run.
 *
 * @throws UserError if there are checkpoints but none can be read, if the run is finished and that was not
 * asked for, or if the run has another config
 */
export function findCheckpoint(
  directory: RunDirectory,
  task: TaskDefinition,
  config: RunConfig,
  hash: string,
  options: Pick<RunOptions, "resume">,
  listener: RunListener,
): FoundCheckpoint | null {
  const { checkpoint: loaded, broken } = directory.latest();
  if (loaded === null) {
    if (broken.length > 0) {
      throw new UserError(
        `Cannot continue in "${directory.path}": none of its checkpoints can be read (${
          broken[0]
        })`,
        { hint: "restore one from a copy, or start again with another --out" },
      );
    }
    if (options.resume !== "always") return null;
    throw new UserError(`Cannot resume "${directory.path}": it has no complete checkpoint`, {
      hint: "give the directory of a run, or start one with --out",
    });
  }
  for (const message of broken) {
    listener({
      type: "warning",
      kind: "brokenCheckpoint",
      message: `Skipping a broken checkpoint: ${message}`,
    });
  }
  const state = loaded.state as unknown as RunState;
  const result = finishedResult(directory.path, loaded.step);
  if (options.resume !== "always" && result !== null) {
    throw new UserError(
      `Cannot start in "${directory.path}": it contains a finished run (step ${loaded.step})`,
      { hint: "choose another --out" },
    );
  }
  if (state.configHash !== hash && !differsInCareOnly(directory, task, config, state.configHash)) {
    throw otherConfig(directory, task, config);
  }
  const metrics = state.metrics ?? lastMetricsAt(directory.path, loaded.step) ?? undefined;
  return {
    loaded,
    resumed: {
      step: loaded.step,
      directory: loaded.directory,
      state: metrics === undefined ? state : { ...state, metrics },
      result,
    },
  };
}

/** Keys that decide how broken files are handled: a run that met one may change them. */
const careOfFiles = ["onError", "maxSkipped"];

/** Whether the run's config and this one differ only in how they handle broken files. */
function differsInCareOnly(
  directory: RunDirectory,
  { schema }: TaskDefinition,
  config: RunConfig,
  hash: string,
): boolean {
  const stored = directory.readConfig() as { hash?: string; config?: unknown } | null;
  if (stored?.hash !== hash) return false;
  const parsed = schema.safeParse(stored.config);
  if (!parsed.success) return false;
  const [before, now] = [parsed.data, config].map((config) => {
    const values = decidingValues(config);
    for (const key of careOfFiles) delete (values.data as Record<string, unknown>)[key];
    return values;
  });
  return differingKeys(before, now).length === 0;
}

/** The error for a run with another config, naming the keys that differ. */
function otherConfig(
  directory: RunDirectory,
  { schema }: TaskDefinition,
  config: RunConfig,
): UserError {
  const stored = (directory.readConfig() as { config?: { task?: string } } | null)?.config;
  const parsed = schema.safeParse(stored);
  const keys = stored?.task !== config.task || !parsed.success
    ? []
    : differingKeys(decidingValues(parsed.data), decidingValues(config));
  const listed = keys.slice(0, 5).join(", ") +
    (keys.length > 5 ? ` and ${keys.length - 5} more` : "");
  const what = stored?.task !== undefined && stored.task !== config.task
    ? `as ${stored.task}, and this is ${config.task}`
    : `with another config${keys.length === 0 ? "" : `: ${listed}`}`;
  const command = commandOf(stored?.task ?? config.task);
  return new UserError(`Cannot continue in "${directory.path}": its run was started ${what}`, {
    hint: "choose another --out, or resume that run unchanged: " +
      `deno task ${command} --resume ${directory.path}`,
  });
}
