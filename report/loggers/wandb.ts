/**
 * A run's numbers for Weights & Biases, through the HTTP interface of its own client: GraphQL creates the run,
 * and its history is sent as lines of a file (wandb/sdk: `UpsertBucket`, `file_stream`).
 *
 * @module
 */

import { wallTime } from "../../core/clock.ts";
import type { RunEvent } from "../../pipeline/engine/events.ts";
import type { RunHook } from "../../pipeline/engine/recording/hooks.ts";
import {
  evaluationNumbers,
  type LoggerOptions,
  postJson,
  recordsOfBatch,
  runNameOf,
  Sequence,
  stepNumbers,
} from "./log_sender.ts";

/** Where to log, and as whom. */
export interface WandbOptions extends LoggerOptions {
  /** As in `WANDB_API_KEY`. */
  readonly apiKey: string;
  /** Project, created if it does not exist; default: "mimic". */
  readonly project?: string;
  /** User or team; default: the key's own. */
  readonly entity?: string | null;
  /** Address of the server; default: the public service. */
  readonly server?: string;
}

const query = `mutation UpsertBucket($name: String, $project: String, $entity: String,
  $displayName: String, $config: JSONString) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity,
    displayName: $displayName, config: $config}) {
    bucket { name historyLineCount project { name entity { name } } }
  }
}`;

/**
 * A hook that writes a run to Weights & Biases: its config, the numbers of all steps and evaluations, the last
 * ones as its summary, and how it ended. A resumed run continues the same remote run.
 *
 * @example With an unreachable server, which the run's `Hooks` turn into a warning
 * ```ts
 * import { wandbLogger } from "./wandb.ts";
 * const hook = wandbLogger({ apiKey: "key", server: "http://127.0.0.1:1" });
 * const sent = hook({ type: "start", totalSteps: 10, step: 0, directory: null, config: {} });
 * let message = "";
 * await sent!.catch((error) => message = String(error));
 * if (message === "") throw new Error("there should be nobody to talk to");
 * ```
 */
export function wandbLogger(options: WandbOptions): RunHook {
  const { server = "https://api.wandb.ai", project = "mimic", entity = null } = options;
  const authorization = `Basic ${btoa(`api:${options.apiKey}`)}`;
  const sequence = new Sequence();
  const summary: Record<string, number> = {};
  let stream = "";
  let lines: string[] = [];
  let offset = 0;

  const post = (url: string, body: object) => postJson("W&B", url, body, { authorization });

  /** Creates the run, or finds it again along with the position after its last line. */
  async function start(event: RunEvent & { type: "start" }): Promise<void> {
    const goesOn = event.step > 0 && Boolean(options.runId);
    const config = Object.entries(event.config ?? {}).map(([key, value]) => [key, { value }]);
    const variables = {
      name: goesOn ? options.runId : crypto.randomUUID().slice(0, 8),
      project,
      entity,
      displayName: options.name ?? runNameOf(event.directory),
      config: JSON.stringify(Object.fromEntries(config)),
    };
    const { data, errors } = await post(`${server}/graphql`, { query, variables });
    if (errors) throw new Error(`W&B: ${JSON.stringify(errors).slice(0, 300)}`);
    const { name, historyLineCount, project: { name: inProject, entity: { name: owner } } } =
      data.upsertBucket.bucket;
    offset = goesOn ? historyLineCount ?? 0 : 0;
    stream = `${server}/files/${owner}/${inProject}/${name}/file_stream`;
    if (!goesOn) options.onRunId?.(name);
  }

  const add = (step: number, numbers: readonly [string, number][]) => {
    const record = Object.fromEntries(numbers);
    Object.assign(summary, record, { _step: step });
    lines.push(JSON.stringify({ ...record, _step: step, _timestamp: wallTime() }));
  };

  async function flush(end: object = {}): Promise<void> {
    const content = lines;
    lines = [];
    // If the server could not create the run, there is nowhere to put them; that was reported when
    // it failed.
    if (stream === "") return;
    const files = content.length === 0 ? {} : {
      "wandb-history.jsonl": { offset, content },
      "wandb-summary.json": { offset: 0, content: [JSON.stringify(summary)] },
    };
    offset += content.length;
    await post(stream, { files, ...end });
  }

  return (event) => {
    if (event.type === "start") return sequence.then(() => start(event));
    if (event.type === "step") add(event.metrics.step, stepNumbers(event.metrics));
    if (event.type === "evaluation") add(event.step, evaluationNumbers(event.name, event.result));
    if (event.type === "done") {
      const exitcode = event.interrupted ? 1 : 0;
      return sequence.then(() => flush({ complete: true, exitcode }));
    }
    if (lines.length >= recordsOfBatch) return sequence.then(() => flush());
  };
}
