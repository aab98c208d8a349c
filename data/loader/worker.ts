/**
 * The body of a data worker. It answers `start` with `ready` or `failed`, and each `run` with `done`.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { Producer, ProducerSettings, SampleJob } from "./producer.ts";
import type { WorkerAnswer, WorkerRequest } from "./worker_messages.ts";

/** The parts of the worker's global scope used here; Deno's window library does not declare it. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerRequest>) => void) | null;
  postMessage(message: WorkerAnswer, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

let producer: Promise<Producer> | undefined;

async function start(settings: ProducerSettings): Promise<void> {
  try {
    producer = import("./producer.ts").then((module) => module.Producer.create(settings));
    scope.postMessage({ type: "ready", decoder: (await producer).decoderName });
  } catch (error) {
    scope.postMessage({ type: "failed", message: messageOf(error) });
  }
}

async function run(id: number, jobs: readonly SampleJob[]): Promise<void> {
  try {
    const result = await (await producer!).produce(jobs);
    const parts = [result.pixels, result.tokenizerPixels, result.mask, result.labelMaps];
    const transfer = parts.flatMap((part) => part === undefined ? [] : [part.buffer]);
    scope.postMessage({ type: "done", id, result }, transfer);
  } catch (error) {
    scope.postMessage({ type: "broken", id, message: messageOf(error) });
  }
}

// Set before anything is awaited: messages that arrive earlier would be lost.
scope.onmessage = ({ data }) => {
  if (data.type === "start") void start(data.settings);
  else void run(data.id, data.jobs);
};
