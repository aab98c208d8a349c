/** Every method on a model that trains in a second, run alike. */
import { LogReader } from "../../checkpoints/store/append_log.ts";
import { readRecords } from "../../checkpoints/store/event_file.ts";
import { resolveConfig } from "../../methods/configs.ts";
import type { Task } from "../../methods/mod.ts";
import { runMethod } from "../../pipeline/engine/run_method.ts";
import type { MethodOptions } from "../../pipeline/engine/run_options.ts";
import { type AnyMethod, loadMethod } from "../../methods/mod.ts";
import type { RunOutcome } from "../../pipeline/engine/method.ts";
import { tinyOverrides, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { tinyFinetune } from "../tasks/_tiny_finetune.ts";
import { writeTinyData, writeTinyModel } from "../tasks/_tiny_model.ts";
import { tinySegment } from "../tasks/_tiny_segment.ts";
import { tinyTokenizerOverrides } from "../tasks/_tiny_tokenizer.ts";

export const tasks: readonly Task[] = [
  "pretrain",
  "tokenizer",
  "finetune",
  "linearProbe",
  "segment",
];

// deno-lint-ignore no-explicit-any
export type TinyOptions = MethodOptions<any, any>;

/** What belongs to the tests, in a folder. */
export interface TinyFiles {
  readonly tokenizer: string;
  readonly model: string;
  /** Class folders `bright` and `dark`, in `train` and `val`. */
  readonly data: string;
}

export async function writeTinyFiles(folder: string): Promise<TinyFiles> {
  return {
    tokenizer: await writeTinyTokenizer(folder),
    model: await writeTinyModel(folder),
    data: writeTinyData(folder),
  };
}

/** A config of twelve steps with a checkpoint after every five. */
export async function tinyConfigOf(
  task: Task,
  { tokenizer, model, data }: TinyFiles,
  overrides: readonly string[] = [],
) {
  if (task === "finetune") return await tinyFinetune(data, overrides);
  // Few windows: whole images are segmented at each evaluation.
  if (task === "segment") return await tinySegment(["augment.resize=[32,16]", ...overrides]);
  const own = task === "pretrain"
    ? [
      ...tinyOverrides(tokenizer),
      `data.source=${data}`,
      "data.evaluationSplit=val",
      "evaluation.knn.atEnd=true",
      "evaluation.knn.every=1",
    ]
    : task === "tokenizer"
    ? tinyTokenizerOverrides
    : [
      `pretrained=${model}`,
      `data.source=${data}`,
      "augment.size=16",
      "batchSize=6",
      "probe.epochs=3",
      "checkpoint.everySteps=5",
      "data.workers=0",
      "data.cacheBytes=0",
      "backend.name=cpu",
      "backend.threads=1",
    ];
  const { config } = await resolveConfig({ task, overrides: [...own, ...overrides] });
  return config;
}

/** Runs a config of any method; gives its result. */
export async function runTiny(
  config: { readonly task: Task },
  options: TinyOptions,
): Promise<RunOutcome & Record<string, unknown>> {
  const method = await loadMethod(config.task) as AnyMethod;
  return await runMethod(method, config as never, options) as never;
}

/** Steps with their losses, as a run directory has them. */
export function lossesIn(directory: string): (readonly [number, unknown])[] {
  return [...new LogReader(`${directory}/metrics.jsonl`).read()]
    .map(({ step, loss }) => [step, loss] as const);
}

/** Evaluations and checkpoints, as a run directory has them. */
export function eventsIn(directory: string): unknown[] {
  return [...new LogReader(`${directory}/events.jsonl`).read()]
    .filter(({ type }) => type === "evaluation" || type === "checkpoint")
    .map(({ type, step, name, result }) => ({ type, step, name, result }));
}

/** Evaluations and steps in TensorBoard's files of a run directory: their tags, in order. */
export function tensorBoardIn(directory: string): string[] {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  return names.filter((name) => name.includes("tfevents")).sort().flatMap((name) =>
    [...readRecords(Deno.readFileSync(`${directory}/${name}`))].flatMap(({ content }) => {
      const text = new TextDecoder("latin1").decode(content);
      return text.match(/evaluation\/[\w ./]+|time\/stepTime/g) ?? [];
    })
  );
}

export function resultIn(directory: string): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(`${directory}/result.json`));
}

/** A copy of a run directory as a kill at this moment leaves it. */
export function copyRun(from: string, to: string): void {
  const { success } = new Deno.Command("cp", { args: ["-r", from, to] }).outputSync();
  if (!success) throw new Error(`Cannot copy ${from}`);
}
