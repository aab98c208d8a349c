/**
 * What the loggers that send a run's numbers to a server have in common.
 *
 * @module
 */

import { messageOf } from "../../core/errors.ts";
import type { StepMetrics } from "../../pipeline/engine/events.ts";

/** How a logger learns which run it writes; its address and keys are its own. */
export interface LoggerOptions {
  /** Name under which the server lists the run; default: the name of the run's directory. */
  readonly name?: string;
  /** The run's id on the server, if an earlier session of the same run got one. */
  readonly runId?: string | null;
  /** Called with the id of a run that the server has just created. */
  readonly onRunId?: (id: string) => void;
}

/** Steps, or evaluations, sent together. */
export const recordsOfBatch = 50;

/**
 * Posts JSON and returns the server's response.
 *
 * @throws Error with the server's name, status and response if it refuses
 */
export async function postJson(
  server: string,
  url: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
  // deno-lint-ignore no-explicit-any -- the server's answer: whoever asks knows its shape
): Promise<any> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  }).catch((error) => {
    const reason = messageOf(error.cause ?? error);
    throw new Error(`${server} cannot be reached at ${new URL(url).origin}: ${reason}`);
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${server}: ${response.status} ${text.slice(0, 300)}`);
  return text === "" ? {} : JSON.parse(text);
}

/** Runs pieces of work in the order in which they were passed; a failure does not hold up what follows. */
export class Sequence {
  #last: Promise<unknown> = Promise.resolve();

  then<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.catch(() => {}).then(work);
    this.#last = result;
    return result;
  }
}

/** The finite numbers of a step by name, with the stages' seconds as `stages/encode`. */
export function stepNumbers({ step: _, stages, ...metrics }: StepMetrics): [string, number][] {
  const numbers: [string, unknown][] = Object.entries(metrics);
  for (const [stage, seconds] of Object.entries(stages)) numbers.push([`stages/${stage}`, seconds]);
  return numbers.filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
}

/** The finite numbers of an evaluation, named as in TensorBoard: `evaluation/features/knnTop1`. */
export function evaluationNumbers(
  name: string,
  result: Readonly<Record<string, number>>,
): [string, number][] {
  return Object.entries(result).filter(([, value]) => Number.isFinite(value))
    .map(([key, value]) => [`evaluation/${name}/${key}`, value]);
}

/** The last folder of a run's directory. */
export function runNameOf(directory: string | null): string {
  return directory?.split(/[/\\]/).findLast((part) => part !== "") ?? "mimic";
}
