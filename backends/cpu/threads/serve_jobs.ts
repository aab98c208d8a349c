/** What a worker thread does: waits for jobs and takes their items until it is told to end. @module */

import { type ForeignKernels, tilingOf } from "../providers/foreign_kernels.ts";
import { instantiateKernels } from "../wasm/instantiate_kernels.ts";
import { Control } from "./control.ts";
import { type Bench, type KernelTable, numbersOf } from "./job.ts";
import { readProgram, type Step } from "./program.ts";

/** What the main thread sends to a worker. */
export interface WorkerSetup {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  /** Kernels that replace or extend the module's, if any. */
  readonly foreign: ForeignKernels | null;
  /** 1, 2, …; the main thread is 0. */
  readonly thread: number;
}

/** Takes items of the steps until none is left. */
export function takeItems(control: Control, steps: readonly Step[], bench: Bench): void {
  const { end } = steps[steps.length - 1];
  let place = 0;
  for (let item = control.takeItem(); item < end; item = control.takeItem()) {
    while (item >= steps[place].end) place++;
    const { job, values, first, after, stageEnd } = steps[place];
    if (after > 0) control.awaitDone(after);
    job.run(bench, values, item - first);
    if (stageEnd < end) control.countDone(stageEnd);
  }
}

/** Blocks until the main thread ends it. */
export function serveJobs(
  { memory, module, thread, foreign }: WorkerSetup,
  foreignKernels: KernelTable,
): void {
  const control = new Control(memory.buffer);
  const kernels = { ...instantiateKernels(module, memory), ...foreignKernels };
  const tools = {
    kernels,
    numbered: Object.values(kernels),
    tile: tilingOf(foreign),
    numbers: numbersOf(memory),
  };
  // A program may already be open; one that has closed by now is not joined.
  let generation = control.generation - 1;
  for (;;) {
    generation = control.awaitGeneration(generation);
    if (generation === -1) return;
    if (!control.join()) continue;
    try {
      const { steps, scratch } = readProgram(control.program);
      takeItems(control, steps, { ...tools, scratch: scratch.start + thread * scratch.bytes });
    } catch {
      control.fail();
    } finally {
      control.leave();
    }
  }
}
