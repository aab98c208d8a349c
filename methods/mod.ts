/**
 * The training methods: the only list of them. The command line, the schema of recipes, the reference
 * pages, dry runs and replays follow from it.
 *
 * @module
 */

import type { ConfigIn, RunConfig, TaskDefinition } from "../configs/task.ts";
import { inWords } from "../core/metric_names.ts";
import type { ListedMethod } from "../pipeline/engine/method.ts";
import { pretrainTask } from "./beit/config.ts";
import { finetuneTask } from "./classify/config.ts";
import { linearProbeTask } from "./probe/config.ts";
import { segmentTask } from "./segment/config.ts";
import { tokenizerTask } from "./vqkd/config.ts";

/** A method with its types erased: its batches, parts and results are its own business. */
// deno-lint-ignore no-explicit-any
export type AnyMethod<C extends RunConfig = any> = ListedMethod<C, any, any, any, any>;

/** A method of the list: its task, and how it is loaded when it is first run. */
interface Entry<C extends RunConfig> {
  readonly task: TaskDefinition<C>;
  load(): Promise<AnyMethod<C>>;
}

const entry = <C extends RunConfig>(
  task: TaskDefinition<C>,
  load: () => Promise<AnyMethod<C>>,
): Entry<C> => ({ task, load });

/** The methods by the `task` of their configs, in the order of the help; the first is the default. */
const methods = {
  pretrain: entry(pretrainTask, async () => (await import("./beit/method.ts")).beit),
  tokenizer: entry(tokenizerTask, async () => (await import("./vqkd/method.ts")).vqkd),
  finetune: entry(finetuneTask, async () => (await import("./classify/method.ts")).classifier),
  linearProbe: entry(linearProbeTask, async () => (await import("./probe/method.ts")).probe),
  segment: entry(segmentTask, async () => (await import("./segment/method.ts")).segmenter),
};

/** What a run can be: the value of `task` in a config. */
export type Task = keyof typeof methods;

/** The config type of a task. */
export type ConfigOf<T extends Task> = ConfigIn<(typeof methods)[T]["task"]>;

/** A resolved config of any task; `task` discriminates. */
export type Config = { [T in Task]: ConfigOf<T> }[Task];

/** The tasks by their names, in the order of the help. */
export const tasks = Object.fromEntries(
  Object.entries(methods).map(([name, { task }]) => [name, task]),
) as { readonly [T in Task]: TaskDefinition<ConfigOf<T>> };

/** The names of the tasks. */
export const taskNames = Object.keys(tasks) as Task[];

/** Whether mimic has a task of that name. */
export function isTask(name: unknown): name is Task {
  return typeof name === "string" && Object.hasOwn(tasks, name);
}

/** A task in words: `pretraining`; one that is not mimic's is called what its name says. */
export function titleOf(task: string): string {
  return isTask(task) ? tasks[task].title : inWords(task);
}

/** The method that runs a task. */
export function loadMethod<T extends Task>(task: T): Promise<AnyMethod<ConfigOf<T>>> {
  return methods[task].load() as Promise<AnyMethod<ConfigOf<T>>>;
}
