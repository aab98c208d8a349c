/**
 * A run's numbers for Weights & Biases, by the HTTP interface that its own client uses: GraphQL makes
 * the run, its history is sent as lines of a file (wandb/sdk: `UpsertBucket`, `file_stream`).
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

/** Where and as whom to log. */
export interface WandbOptions extends LoggerOptions {
  /** As in `WANDB_API_KEY`. */
  readonly apiKey: string;
  /** Project, made where there is none; default "mimic". */
  readonly project?: string;
  /** User or team; default: that of the key. */
  readonly entity?: string | null;
  /** Address of the server; default that of the public service. */
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
 * A hook that writes a run to Weights & Biases: config, the numbers of all steps and evaluations, the
 * last ones as its summary, how it ended. A resumed run goes on in the one that it had.
 *
 * @example Against a server that is not there: the run's `Hooks` make a warning of it
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

  /** Makes the run, or finds it again, and the place after the last line that it holds. */
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
    // A run that the server has not made has nowhere to put them; that was said when it failed.
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
