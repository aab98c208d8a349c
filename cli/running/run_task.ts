/** What every training command does around its task: config, directory, progress, result. */
import { finishedRun } from "../../checkpoints/store/run_directory.ts";
import { latestCheckpoint } from "../../checkpoints/store/store.ts";
import type { RawConfig } from "../../configs/layers.ts";
import type { Override } from "../../configs/overrides.ts";
import type { ResolvedConfig } from "../../methods/configs.ts";
import { commandOf } from "../../configs/task.ts";
import { isTask, type Task, tasks } from "../../methods/mod.ts";
import { isDeviceFault, messageOf, OutOfMemoryError, UserError } from "../../core/errors.ts";
import { largestDivisor } from "../../core/largest_divisor.ts";
import { fromFirst } from "../../distributed/communicator.ts";
import { type CommandContext, exitCodes } from "../parsing/command.ts";
import { chooseFor, describeChoice } from "./chosen_settings.ts";
import { configOf } from "../parsing/config_flags.ts";
import { loadHooks } from "./hooks.ts";
import { openLoggers } from "./loggers.ts";
import { hasCheckpoint, SavedSteps, wordsOnInterruption } from "./interrupted_run.ts";
import { openProgress } from "../screen/progress.ts";
import type { RunFlagValues } from "./run_flags.ts";
import type { TaskOptions, TaskOutcome, TaskRunner } from "./task_runner.ts";
import { downloadProgress } from "./weights.ts";
import { memoryRoom } from "./memory_room.ts";
import { storedConfig } from "./stored_config.ts";

function isUsed(directory: string): boolean {
  try {
    return [...Deno.readDirSync(directory)].length > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotADirectory) return true;
    throw error;
  }
}

/** Whether a directory holds an unfinished run of exactly this config, apart from its length. */
function goesOn(directory: string, config: object): boolean {
  const stored = (() => {
    try {
      return storedConfig(directory);
    } catch (error) {
      if (error instanceof UserError) return null;
      throw error;
    }
  })();
  if (stored === null || comparable(stored.config) !== comparable({ ...config })) return false;
  return finishedRun(directory) === null;
}

/** A config as text, with defaults for keys that are newer than it. */
function comparable(stored: RawConfig): string {
  const { task } = stored;
  const parsed = isTask(task) ? tasks[task].schema.safeParse(stored) : undefined;
  const config = parsed?.success ? parsed.data as RawConfig : stored;
  const schedule = { ...config.schedule as RawConfig | undefined, maxSteps: null };
  return JSON.stringify({ ...config, schedule, output: null });
}

/**
 * The directory of a run that is not given one: `runs/NAME`, followed by a number if that holds another run or
 * a finished one. An interrupted run with the same config is resumed.
 */
export function defaultDirectory(name: string, config: object, root = "runs"): string {
  for (let number = 1;; number++) {
    const directory = `${root}/${name}${number === 1 ? "" : `-${number}`}`;
    if (!isUsed(directory) || goesOn(directory, config)) return directory;
  }
}

/** Seven tenths of the memory currently free, and the total; nothing if it may not be queried. */
function memoryOptions(): Pick<TaskOptions, "memoryBudgetBytes" | "memoryLimitBytes"> {
  const room = memoryRoom();
  if (room === null) return {};
  return {
    memoryBudgetBytes: Math.floor(0.7 * room.availableBytes),
    memoryLimitBytes: room.totalBytes,
  };
}

/** The name of a run, which must be a folder name. */
function checkedName(name: string): string {
  if (name !== "" && !/[/\\]|^\.+$/.test(name)) return name;
  throw new UserError(`Cannot call a run "${name}": expected the name of a folder`, {
    hint: "omit --name, and give --out DIR for a folder elsewhere",
  });
}

/** A run's config and directory: a new one, or that of `--resume`. */
async function openRun<T extends Task>(
  task: T,
  flags: RunFlagValues,
  chosen: readonly Override[],
): Promise<ResolvedConfig<T> & { readonly directory: string }> {
  if (flags.resume === undefined) {
    const resolved = await configOf<T>(task, flags, undefined, chosen);
    const name = flags.name === undefined ? resolved.name : checkedName(flags.name);
    const directory = flags.out ?? resolved.config.output ??
      defaultDirectory(name, resolved.config);
    return { ...resolved, directory };
  }
  if (flags.out !== undefined && flags.out !== flags.resume) {
    throw new UserError("Cannot use --out with --resume: a run stays in its directory", {
      hint: "omit --out",
    });
  }
  const stored = storedConfig(flags.resume);
  if (stored === null) {
    throw new UserError(`Cannot resume "${flags.resume}": there is no such directory`, {
      hint: "give the directory of a run",
    });
  }
  return { ...await configOf<T>(task, flags, stored), directory: flags.resume };
}

/**
 * How to resume a run that its device ended: with a smaller micro-batch if memory ran out. null if something
 * else ended it, or there is no checkpoint to resume from.
 */
function resumeCommand(
  task: Task,
  directory: string,
  error: unknown,
  batchSize: number,
): string | null {
  if (!isDeviceFault(error)) return null;
  if (latestCheckpoint(directory).checkpoint === undefined) return null;
  const command = `deno task ${commandOf(task)} --resume ${directory}`;
  const size = error instanceof OutOfMemoryError ? error.microBatchSize ?? 1 : 1;
  return size < 2 ? command : `${command} --micro-batch ${largestDivisor(batchSize, size - 1)}`;
}

/** What was chosen for a task, described in one line. */
async function chooseAndTell(task: Task, flags: RunFlagValues): Promise<readonly Override[]> {
  const progress = openProgress(10, flags.quiet);
  const { overrides, settings } = await chooseFor(task, flags, progress.listener);
  if (settings !== null) progress.line(describeChoice(settings, null));
  progress.close();
  return overrides;
}

/**
 * Runs a task according to its flags; returns the exit code.
 *
 * @param chosen values with lower priority than the flags; if omitted, they are chosen here
 */
export async function runTask<T extends Task>(
  runner: TaskRunner<T>,
  flags: RunFlagValues,
  context: CommandContext,
  chosen?: readonly Override[],
): Promise<number> {
  const communicator = await context.job.join(flags);
  // Hosts need not share the run's directory: only rank 0 reads and writes it.
  const { config, origins, directory } = await fromFirst(communicator, async () => {
    const own = chosen ?? await chooseAndTell(runner.task, flags);
    const { config, origins, directory } = await openRun(runner.task, flags, own);
    return { config, origins: [...origins], directory };
  });
  communicator.timeoutSeconds = config.distributed.timeoutSeconds;
  const isFirst = communicator.rank === 0;
  if (flags.dryRun) {
    if (!isFirst) return exitCodes.done;
    const { dryRun } = await import("./dry_run.ts");
    return await dryRun({ runner, config, directory, ...memoryOptions() }, flags, context);
  }
  const hooks = isFirst
    ? [
      ...openLoggers(flags.log, directory, commandOf(runner.task)),
      ...await loadHooks(flags.hook),
    ]
    : [];
  const progress = openProgress(config.log.progressSeconds, flags.quiet);
  const saved = new SavedSteps(progress.listener);
  // The other ranks would wait for one that is gone.
  if (communicator.size === 1) context.endsAtOnce?.(() => saved.words(runner.task, directory));
  let outcome: TaskOutcome;
  const begun = performance.now();
  try {
    outcome = await runner.run(config, {
      directory,
      resume: flags.resume === undefined ? "auto" : "always",
      listener: saved.listener,
      hooks,
      signal: context.signal,
      communicator,
      origins: new Map(origins),
      profiles: flags.profile,
      downloads: { offline: flags.offline, onProgress: downloadProgress(progress) },
      ...memoryOptions(),
    });
  } catch (error) {
    const command = resumeCommand(runner.task, directory, error, config.batchSize);
    if (command === null) throw error;
    throw new UserError(`${messageOf(error)}: ${command}`, { cause: error });
  } finally {
    progress.close();
  }
  if (isFirst && flags.json) {
    context.printJson(outcome);
  } else if (isFirst && !(outcome.interrupted && !hasCheckpoint(directory))) {
    const seconds = (performance.now() - begun) / 1000;
    const lines = await runner.describe(outcome, { from: saved.begunAfter, seconds });
    for (const line of lines) context.print(line);
  }
  if (!outcome.interrupted) {
    const { step, scheduleSteps = step, stoppedEarly = null } = outcome;
    if (isFirst && step < scheduleSteps && stoppedEarly === null) {
      context.note(`Stopped by --max-steps at step ${step} of ${scheduleSteps}`);
    }
    return exitCodes.done;
  }
  if (isFirst) context.note(wordsOnInterruption(runner.task, directory, outcome.step));
  return exitCodes.interrupted;
}
