/** What a worker thread does: waits for jobs and takes items of them until it is told to end. @module */

import type { Bench, Job, KernelTable, ThreadTools } from "../jobs/job.ts";
import { jobs } from "../jobs/registry.ts";
import { tileShape } from "../descriptions/gemm.ts";
import { instantiateKernels } from "../kernel_table.ts";
import { type ForeignKernels, lanesOf } from "../providers/foreign_kernels.ts";
import { Control } from "./control.ts";

/** What the main thread sends to a worker. */
export interface WorkerSetup {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  /** What replaces kernels of the module or adds to them, if anything. */
  readonly foreign: ForeignKernels | null;
  /** 1, 2, …; the main thread is 0. */
  readonly thread: number;
}

/** Reads a job's arguments back into an object; the last two are the scratch memory's. */
function readArguments(job: Job, numbers: Float64Array): Record<string, number> {
  const values: Record<string, number> = {};
  job.fields.forEach((field, position) => values[field] = numbers[position]);
  return values;
}

/** Takes items until none is left. */
export function takeItems(
  control: Control,
  job: Job,
  bench: Bench,
  values: Record<string, number>,
  items: number,
): void {
  for (let item = control.takeItem(); item < items; item = control.takeItem()) {
    job.run(bench, values, item);
  }
}

function work(control: Control, tools: ThreadTools, thread: number): void {
  const job = jobs[control.job];
  const values = readArguments(job, control.jobArguments);
  const scratchStart = control.jobArguments[job.fields.length];
  const scratchBytes = control.jobArguments[job.fields.length + 1];
  const bench = { ...tools, scratch: scratchStart + thread * scratchBytes };
  takeItems(control, job, bench, values, control.items);
}

/** Blocks until the main thread ends it. */
export function serveJobs(
  { memory, module, thread, foreign }: WorkerSetup,
  foreignKernels: KernelTable,
): void {
  const control = new Control(memory.buffer);
  const kernels = { ...instantiateKernels(module, memory), ...foreignKernels };
  const tools = { kernels, tile: tileShape(lanesOf(foreign)) };
  // A job may be open already; one that has closed is left again at once.
  let generation = control.generation - 1;
  for (;;) {
    generation = control.awaitGeneration(generation);
    if (generation === -1) return;
    if (!control.join()) continue;
    try {
      work(control, tools, thread);
    } catch {
      control.fail();
    } finally {
      control.leave();
    }
  }
}
