/** Runs of tiny models, the same on any number of ranks. */
import { resolveConfig } from "../../methods/configs.ts";
import type { Communicator } from "../../distributed/communicator.ts";
import type { RunEvent } from "../../pipeline/engine/events.ts";
import { finetune } from "../../methods/classify/method.ts";
import { knn } from "../../tasks/knn.ts";
import { linearProbe } from "../../methods/probe/method.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { segment } from "../../methods/segment/method.ts";
import { trainTokenizer } from "../../methods/vqkd/method.ts";

/** A run. */
export interface Job {
  readonly task: "pretrain" | "tokenizer" | "finetune" | "linearProbe" | "segment" | "knn";
  readonly overrides: readonly string[];
  readonly directory: string | null;
}

/** What rank 0 knows of a run. */
export interface JobOutcome {
  readonly losses: readonly number[];
  readonly warnings: readonly string[];
  /** What the task gave. */
  readonly result: Readonly<Record<string, unknown>>;
}

const tasks = { pretrain, tokenizer: trainTokenizer, finetune, linearProbe, segment } as const;

/** Runs a task on the ranks of a communicator. */
export async function runTask(
  { task, overrides, directory }: Job,
  communicator: Communicator,
): Promise<JobOutcome> {
  const losses: number[] = [];
  const warnings: string[] = [];
  const listener = (event: RunEvent) => {
    if (event.type === "step") losses.push(event.metrics.loss);
    if (event.type === "warning") warnings.push(event.message);
  };
  if (task === "knn") {
    const options = { checkpoint: directory!, backendName: "cpu", threads: 1, neighbours: [5, 20] };
    const result = await knn({ ...options, communicator });
    return { losses, warnings, result: { ...result } };
  }
  const { config } = await resolveConfig({ task, overrides: [...overrides, "precision=float32"] });
  const run = tasks[task] as unknown as (
    config: unknown,
    options: object,
  ) => Promise<Record<string, unknown>>;
  const result = await run(config, { directory, listener, communicator });
  return { losses, warnings, result: { ...result, directory: null } };
}
