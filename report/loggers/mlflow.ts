/**
 * A run's numbers for MLflow, through its REST API (https://mlflow.org/docs/latest/rest-api.html).
 *
 * @module
 */

import { wallTime } from "../../core/clock.ts";
import type { RunEvent } from "../../pipeline/engine/events.ts";
import type { RunHook } from "../../pipeline/engine/recording/hooks.ts";
import { flattenConfig } from "../tensorboard/hparams.ts";
import {
  evaluationNumbers,
  type LoggerOptions,
  postJson,
  recordsOfBatch,
  runNameOf,
  Sequence,
  stepNumbers,
} from "./log_sender.ts";

/** Where MLflow is. */
export interface MlflowOptions extends LoggerOptions {
  /** Address of the tracking server, as in `MLFLOW_TRACKING_URI`. */
  readonly server: string;
  /** Name of the experiment, created if it does not exist; default: "Default". */
  readonly experiment?: string;
  /** Value of the `Authorization` header, if the server requires one. */
  readonly authorization?: string | null;
}

interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

/** What MLflow accepts in one request … */
const mostMetrics = 1000;
const mostParameters = 100;
/** … and as one parameter. */
const longestValue = 6000;

/** Milliseconds since 1970. */
const timestamp = () => Math.round(wallTime() * 1000);

/**
 * A hook that writes a run to MLflow: its config as parameters, the numbers of all steps and
 * evaluations as metrics, how it ended as its status. A resumed run continues the same MLflow run.
 *
 * @example With an unreachable server, which the run's `Hooks` turn into a warning
 * ```ts
 * import { mlflowLogger } from "./mlflow.ts";
 * const hook = mlflowLogger({ server: "http://127.0.0.1:1" });
 * const sent = hook({ type: "start", totalSteps: 10, step: 0, directory: null, config: {} });
 * let message = "";
 * await sent!.catch((error) => message = String(error));
 * if (message === "") throw new Error("there should be nobody to talk to");
 * ```
 */
export function mlflowLogger(options: MlflowOptions): RunHook {
  const { server, experiment = "Default", authorization = null } = options;
  const sequence = new Sequence();
  let runId = "";
  let metrics: Metric[] = [];
  let records = 0;

  const call = (path: string, body: object) => {
    const headers: Record<string, string> = authorization === null ? {} : { authorization };
    const url = `${server.replace(/\/+$/, "")}/api/2.0/mlflow/${path}`;
    return postJson("MLflow", url, body, headers);
  };

  async function experimentId(): Promise<string> {
    const { experiments } = await call("experiments/search", {
      max_results: 1,
      filter: `name = '${experiment.replaceAll("'", "\\'")}'`,
    });
    if (experiments?.length > 0) return experiments[0].experiment_id;
    return (await call("experiments/create", { name: experiment })).experiment_id;
  }

  async function start(event: RunEvent & { type: "start" }): Promise<void> {
    if (event.step > 0 && options.runId) {
      runId = options.runId;
      await call("runs/update", { run_id: runId, status: "RUNNING" });
      return;
    }
    const { run } = await call("runs/create", {
      experiment_id: await experimentId(),
      run_name: options.name ?? runNameOf(event.directory),
      start_time: timestamp(),
    });
    runId = run.info.run_id;
    options.onRunId?.(runId);
    const parameters = [...flattenConfig(event.config ?? {})].map(([key, value]) => ({
      key,
      value: String(value).slice(0, longestValue),
    }));
    for (let at = 0; at < parameters.length; at += mostParameters) {
      const params = parameters.slice(at, at + mostParameters);
      await call("runs/log-batch", { run_id: runId, params });
    }
  }

  const add = (step: number, numbers: readonly [string, number][]) => {
    const time = timestamp();
    for (const [key, value] of numbers) metrics.push({ key, value, timestamp: time, step });
    records++;
  };

  async function flush(): Promise<void> {
    const all = metrics;
    [metrics, records] = [[], 0];
    // If the server could not create the run, there is nowhere to put them; that was reported when
    // it failed.
    for (let at = 0; runId !== "" && at < all.length; at += mostMetrics) {
      const batch = all.slice(at, at + mostMetrics);
      await call("runs/log-batch", { run_id: runId, metrics: batch });
    }
  }

  return (event) => {
    if (event.type === "start") return sequence.then(() => start(event));
    if (event.type === "step") add(event.metrics.step, stepNumbers(event.metrics));
    if (event.type === "evaluation") add(event.step, evaluationNumbers(event.name, event.result));
    if (event.type === "done") {
      return sequence.then(async () => {
        await flush();
        if (runId === "") return;
        const status = event.interrupted ? "KILLED" : "FINISHED";
        await call("runs/update", { run_id: runId, status, end_time: timestamp() });
      });
    }
    if (records >= recordsOfBatch) return sequence.then(flush);
  };
}
