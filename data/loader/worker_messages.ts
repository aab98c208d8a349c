/**
 * Messages between the loader and its workers.
 *
 * @module
 */
import type { ChunkResult, ProducerSettings, SampleJob } from "./producer.ts";

/** From the loader. */
export type WorkerRequest =
  | { readonly type: "start"; readonly settings: ProducerSettings }
  | { readonly type: "run"; readonly id: number; readonly jobs: readonly SampleJob[] };

/** From a worker. */
export type WorkerAnswer =
  | { readonly type: "ready"; readonly decoder: string }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "done"; readonly id: number; readonly result: ChunkResult }
  | { readonly type: "broken"; readonly id: number; readonly message: string };
