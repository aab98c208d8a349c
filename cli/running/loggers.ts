/** Bundled loggers: `--log mlflow`, `--log wandb`. */
import { UserError } from "../../core/errors.ts";
import type { RunHook } from "../../pipeline/engine/recording/hooks.ts";
import type { LoggerOptions } from "../../report/loggers/log_sender.ts";
import { mlflowLogger } from "../../report/loggers/mlflow.ts";
import { wandbLogger } from "../../report/loggers/wandb.ts";

/** The names that `--log` accepts. */
export const loggerNames = ["mlflow", "wandb"] as const;
type LoggerName = typeof loggerNames[number];

/** An environment variable; undefined if it is unset, empty, or may not be read. */
function env(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

/** Rejects a server that this process may not contact: a hook's failure would only be a warning later. */
function requireServer(
  command: string,
  name: LoggerName,
  variable: string,
  address: string,
): string {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new UserError(`Cannot log to ${name}: ${variable} is "${address}", not an address`, {
      hint: `set it to one such as http://127.0.0.1:5000`,
    });
  }
  const { host } = new URL(address);
  if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") {
    throw new UserError(`Cannot log to ${name}: the task may not contact ${host}`, {
      hint: `allow it: deno run -A main.ts ${command} --log ${name}`,
    });
  }
  return address;
}

function openMlflow(command: string, options: LoggerOptions): RunHook {
  const variable = "MLFLOW_TRACKING_URI";
  const server = requireServer(
    command,
    "mlflow",
    variable,
    env(variable) ?? "http://127.0.0.1:5000",
  );
  const [user, token] = [env("MLFLOW_TRACKING_USERNAME"), env("MLFLOW_TRACKING_TOKEN")];
  const authorization = token !== undefined
    ? `Bearer ${token}`
    : user === undefined
    ? null
    : `Basic ${btoa(`${user}:${env("MLFLOW_TRACKING_PASSWORD") ?? ""}`)}`;
  return mlflowLogger({
    ...{ ...options, server, authorization },
    experiment: env("MLFLOW_EXPERIMENT_NAME"),
  });
}

function openWandb(command: string, options: LoggerOptions): RunHook {
  const apiKey = env("WANDB_API_KEY");
  if (apiKey === undefined) {
    throw new UserError("Cannot log to wandb: WANDB_API_KEY is not set", {
      hint: "copy your key from https://wandb.ai/authorize into that environment variable",
    });
  }
  const variable = "WANDB_BASE_URL";
  const server = requireServer(command, "wandb", variable, env(variable) ?? "https://api.wandb.ai");
  return wandbLogger({
    ...{ ...options, apiKey, server },
    project: env("WANDB_PROJECT"),
    entity: env("WANDB_ENTITY") ?? null,
  });
}

/** The run's id on a server, in a file in the run's directory, so that a resumed run continues there. */
function remembered(directory: string, name: LoggerName): LoggerOptions {
  const path = `${directory}/${name}.json`;
  let runId: string | null = null;
  try {
    ({ runId } = JSON.parse(Deno.readTextFileSync(path)));
  } catch {
    // A new run, or a damaged file: the server lists another run, and nothing is lost.
  }
  const onRunId = (id: string) =>
    Deno.writeTextFileSync(path, `${JSON.stringify({ runId: id })}\n`);
  return { runId, onRunId };
}

/**
 * The loggers that `--log` names.
 *
 * @param command that they are for, to say how to start it
 * @throws UserError for a missing key or address, or one that the task may not use
 */
export function openLoggers(
  names: readonly LoggerName[],
  directory: string,
  command: string,
): RunHook[] {
  return [...new Set(names)].map((name) => {
    const options = remembered(directory, name);
    const hook = name === "mlflow" ? openMlflow(command, options) : openWandb(command, options);
    const named: RunHook = (event) => hook(event);
    Object.defineProperty(named, "name", { value: name });
    return named;
  });
}
