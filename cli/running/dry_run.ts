/** `--dry-run`: what a run will cost, computed and measured, and what might stop it. */
import { freeDiskBytes } from "../../checkpoints/store/disk_space.ts";
import { listCheckpoints } from "../../checkpoints/store/store.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { Config, ConfigOf, Task } from "../../methods/mod.ts";
import { single } from "../../distributed/single.ts";
import { starvationMessage } from "../../pipeline/engine/recording/health.ts";
import type { RunPlan, WholeMeasurement, WholePlan } from "../../pipeline/engine/method.ts";
import { measureRun, type RunMeasurement } from "../../pipeline/engine/planning/measure_run.ts";
import { type CommandContext, exitCodes } from "../parsing/command.ts";
import { describePlan, formatBytes } from "../screen/plan.ts";
import type { RunFlagValues } from "./run_flags.ts";
import type { TaskRunner } from "./task_runner.ts";

/** What the machine has. */
export interface Room {
  readonly diskBytes: number | null;
  readonly memoryBytes: number | null;
}

/** Free bytes on the disk that a directory, which need not exist yet, will be on. */
export function roomOnDisk(directory: string): number | null {
  const parts = directory.replace(/[/\\]+$/, "").split(/[/\\]/);
  for (let count = parts.length; count > 0; count--) {
    const path = parts.slice(0, count).join("/") || "/";
    const free = freeDiskBytes(path);
    if (free !== null) return free;
  }
  return freeDiskBytes(".");
}

function hasSteps(plan: RunPlan | WholePlan): plan is RunPlan {
  return "totalSteps" in plan;
}

/** Why a run cannot be measured here; null if it can. */
export function reasonNotToMeasure(
  plan: RunPlan | WholePlan,
  { memoryBytes }: Room,
): string | null {
  const { memory } = plan;
  if (memoryBytes === null || memory.peak <= memoryBytes) return null;
  if (!hasSteps(plan)) {
    return `The run takes ${formatBytes(memory.peak)} of memory, and ${formatBytes(memoryBytes)} ` +
      "may be used: set kMeans.tokensPerCode lower";
  }
  const { microBatch } = plan;
  const images = microBatch === 1 ? "one image" : `${microBatch} images`;
  return `A step of ${images} at a time takes ${formatBytes(memory.peak)} of memory, and ` +
    `${formatBytes(memoryBytes)} may be used: ` +
    (microBatch === 1 ? "set recompute higher, or " : "set microBatchSize=auto, or ") +
    "take a smaller model";
}

/** Problems with a run, each with its remedy. */
export function planWarnings(
  config: Config,
  plan: RunPlan | WholePlan,
  measured: RunMeasurement | WholeMeasurement | null,
  room: Room,
): string[] {
  const warnings: string[] = [];
  const { atMost, checkpoint } = plan.disk;
  if (room.diskBytes !== null && atMost > room.diskBytes) {
    warnings.push(
      `The checkpoints take up to ${formatBytes(atMost)}, ${
        formatBytes(checkpoint)
      } each, and the ` +
        `disk has ${
          formatBytes(room.diskBytes)
        } left: free some space, lower checkpoint.keepLast ` +
        `(${config.checkpoint.keepLast}), or choose another --out`,
    );
  }
  const reason = reasonNotToMeasure(plan, room);
  if (reason !== null) warnings.push(`${reason}; nothing was measured`);
  const waitingShare = Number(measured?.waitingShare ?? 0);
  if (waitingShare > config.guard.starvedShare) warnings.push(starvationMessage(waitingShare));
  return warnings;
}

/** A run that is planned. */
interface DryRun<T extends Task> {
  readonly runner: TaskRunner<T>;
  readonly config: ConfigOf<T>;
  readonly directory: string;
  readonly memoryBudgetBytes?: number;
}

async function measure<T extends Task>(
  { runner, config, directory }: DryRun<T>,
  plan: RunPlan | WholePlan,
  downloads: DownloadOptions,
  flags: RunFlagValues,
  { signal, note }: CommandContext,
): Promise<RunMeasurement | WholeMeasurement | null> {
  const onNote = flags.quiet ? () => {} : note;
  if (!hasSteps(plan)) {
    return await runner.measureWhole?.(config, { downloads, signal, onNote }) ?? null;
  }
  const others = { resume: "auto", hooks: [], origins: new Map(), profiles: false } as const;
  return await measureRun(
    await runner.stepsOnly?.(config) ?? config,
    plan,
    (shortened, options) =>
      runner.run(shortened, { ...others, ...options, signal, downloads, communicator: single }),
    {
      startStep: listCheckpoints(directory).at(-1)?.step ?? 0,
      signal,
      onNote,
    },
  );
}

/** A plan downloads nothing that it need not read: a stand-in of the same shape takes as long. */
function planningDownloads(
  { offline }: RunFlagValues,
  context: CommandContext,
): DownloadOptions {
  const told = new Set<string>();
  return {
    offline,
    onStandIn(name) {
      if (told.has(name) || !told.add(name)) return;
      context.note(
        `"${name}" is not downloaded for a plan: a model of the same shape stands in for it`,
      );
    },
  };
}

/** Plans a run and measures some of its steps; returns the exit code. */
export async function dryRun<T extends Task>(
  run: DryRun<T>,
  flags: RunFlagValues,
  context: CommandContext,
): Promise<number> {
  const { runner, config, directory, memoryBudgetBytes } = run;
  const downloads = planningDownloads(flags, context);
  const plan = await runner.plan(config, {
    downloads,
    ...(memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes }),
  });
  const room = { diskBytes: roomOnDisk(directory), memoryBytes: memoryBudgetBytes ?? null };
  const canMeasure = reasonNotToMeasure(plan, room) === null;
  const measured = canMeasure ? await measure(run, plan, downloads, flags, context) : null;
  if (context.signal.aborted) return exitCodes.interrupted;
  const disk = { ...plan.disk, free: room.diskBytes };
  const warnings = planWarnings(config, plan, measured, room);
  if (flags.json) {
    context.printJson({ ...plan, disk, measured, warnings });
    return exitCodes.done;
  }
  if (measured !== null && hasSteps(plan) && !flags.quiet) {
    context.note(
      "The time to finish is that of the steps; evaluations and checkpoints come on top",
    );
  }
  const lines = describePlan({ ...plan, disk, measured: measured ?? {} });
  for (const line of lines) context.print(line);
  for (const warning of warnings) context.print(`warning: ${warning}`);
  return exitCodes.done;
}
