/**
 * What the page runs: steps of the quick start, then the conformance suite, on the backend that the
 * address asks for: `?backend=webgpu|cpu|reference&steps=20&batch=16&cases=TEXT`.
 *
 * @module
 */

/// <reference lib="dom" />

import { conformanceCases, formatConformance, runConformance } from "../../backends/conformance.ts";
import { type BackendName, createBackend } from "../../backends/mod.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { pretrain } from "../../methods/beit/method.ts";

/** What the page leaves in `globalThis.outcome` for who drives it. */
export interface Outcome {
  readonly backend: string;
  readonly losses: readonly number[];
  readonly passed: number;
  readonly skipped: number;
  /** Conformance cases that failed, each with the reason. */
  readonly failures: readonly string[];
  /** The message of what went wrong; the rest is then incomplete. */
  readonly error: string | null;
}

const query = new URLSearchParams(location.search);

function show(id: string, text: string): void {
  document.getElementById(id)!.textContent = text;
}

function progress(done: number, of: number): void {
  Object.assign(document.getElementById("progress")!, { value: done, max: of });
}

/** Losses of the first steps of the quick start, by the same task that the command line runs. */
async function train(backendName: BackendName, losses: number[]): Promise<string> {
  const resolved: PretrainConfig = await (await fetch("quickstart.json")).json();
  const steps = Number(query.get("steps") ?? 20);
  const config = {
    ...resolved,
    batchSize: Number(query.get("batch") ?? resolved.batchSize),
    schedule: { ...resolved.schedule, maxSteps: steps },
  };
  const { backend, notes } = await createBackend(backendName);
  for (const note of notes) console.log(note);
  const { description } = backend.capabilities;
  show("status", `Training on ${backend.name}: ${description}`);
  const started = performance.now();
  await pretrain(config, {
    backend,
    listener: (event) => {
      if (event.type !== "step") return;
      losses.push(event.metrics.loss);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      show("steps", losses.map((loss, step) => `${step + 1}  loss ${loss.toFixed(4)}`).join("\n"));
      show("status", `Training on ${backend.name}: ${description}, ${seconds} s`);
      progress(losses.length, steps);
    },
  });
  await backend.dispose();
  return `${backend.name}: ${description}`;
}

async function conform(backendName: BackendName) {
  const filter = query.get("cases") ?? "";
  const { backend } = await createBackend(backendName);
  const wanted = conformanceCases().filter(({ name }) => name.includes(filter)).length;
  let done = 0;
  const results = await runConformance(backend, {
    filter,
    onResult: ({ name }) => {
      progress(++done, wanted);
      show("status", `Conformance, ${done} of ${wanted}: ${name}`);
    },
  });
  await backend.dispose();
  show("conformance", formatConformance(results));
  return results;
}

async function main(): Promise<Outcome> {
  const backendName = (query.get("backend") ?? "webgpu") as BackendName;
  const losses: number[] = [];
  const count = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  try {
    const backend = await train(backendName, losses);
    for (const { status, name, message, valueError, gradientError } of await conform(backendName)) {
      count[status]++;
      if (status === "failed") {
        failures.push(`${name}: ${message ?? `errors ${valueError}, ${gradientError}`}`);
      }
    }
    show("status", `Done on ${backend}`);
    return { backend, losses, ...count, failures, error: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    show("status", `Stopped: ${message}`);
    console.error(error);
    return { backend: backendName, losses, ...count, failures, error: message };
  }
}

Object.assign(globalThis, { outcome: await main() });
