/** Runs jobs on the calling thread and, for large ones, on workers that share its memory. @module */

import { now } from "../../../core/clock.ts";
import type { KernelSpan } from "../../backend.ts";
import type { Arena } from "../memory/arena.ts";
import type { ForeignKernels } from "../providers/foreign_kernels.ts";
import { Control } from "./control.ts";
import type { Bench, Job, JobArguments, KernelTable, ThreadTools } from "./job.ts";
import { numbersOf } from "./job.ts";
import { type Scratch, type Task, task, type TaskOptions } from "./program.ts";
import { toSteps, writeProgram } from "./program.ts";
import { takeItems } from "./serve_jobs.ts";
import type { StartWorker } from "./start_worker.ts";

/** How a pool runs; the defaults suit training. */
export interface ThreadPoolOptions {
  /** Threads, the calling one included. */
  threads: number;
  /** Jobs with at least this many multiplications are divided among threads. */
  sharedWork?: number;
}

const defaultSharedWork = 100_000;

/** See the module comment. */
export class ThreadPool {
  readonly threads: number;
  readonly kernels: KernelTable;
  /** Indices of kernels in {@link ThreadTools.numbered}. */
  readonly kernelNumbers: ReadonlyMap<string, number>;
  readonly tile: ThreadTools["tile"];
  /** Called with the time that each job took, while a profile is recorded. */
  onSpan: ((span: KernelSpan) => void) | null = null;
  readonly #arena: Arena;
  readonly #tools: ThreadTools;
  readonly #control: Control;
  readonly #module: WebAssembly.Module;
  readonly #foreign: ForeignKernels | null;
  readonly #sharedWork: number;
  #startWorker: StartWorker | null;

  constructor(
    source: Pick<ThreadTools, "kernels" | "tile"> & {
      arena: Arena;
      module: WebAssembly.Module;
      foreign: ForeignKernels | null;
    },
    startWorker: StartWorker | null,
    options: ThreadPoolOptions,
  ) {
    this.#arena = source.arena;
    this.#module = source.module;
    this.kernels = source.kernels;
    this.kernelNumbers = new Map(Object.keys(source.kernels).map((name, place) => [name, place]));
    this.tile = source.tile;
    this.#tools = {
      kernels: source.kernels,
      numbered: Object.values(source.kernels),
      tile: source.tile,
      numbers: numbersOf(source.arena),
    };
    this.#foreign = source.foreign;
    this.#startWorker = startWorker;
    this.threads = startWorker === null ? 1 : options.threads;
    this.#sharedWork = options.sharedWork ?? defaultSharedWork;
    this.#control = new Control(source.arena.buffer);
    this.#control.reset();
  }

  /** Runs all items of a job; returns when they are done. */
  run<Field extends string>(
    job: Job<Field>,
    values: JobArguments<Field>,
    options: TaskOptions,
  ): void {
    this.runStages([[task(job, values, options)]]);
  }

  /** Runs the tasks of each stage once those of the earlier stages are done. */
  runStages(stages: readonly (readonly Task[])[]): void {
    const tasks = stages.flat();
    let [items, work, bytes] = [0, 0, 0];
    for (const task of tasks) {
      items += task.items;
      work += task.work;
      bytes = Math.max(bytes, task.scratchBytes ?? 0);
    }
    if (items === 0) return;
    const isShared = this.threads > 1 && items > 1 && work >= this.#sharedWork;
    bytes = Math.ceil(bytes / 64) * 64;
    const block = bytes === 0 ? null : this.#arena.allocate(bytes * (isShared ? this.threads : 1));
    const started = this.onSpan === null ? 0 : now();
    try {
      const scratch = { start: block?.offset ?? 0, bytes };
      if (isShared) this.#runShared(stages, scratch);
      else {
        const bench = this.#benchAt(scratch.start);
        for (const { job, values, items } of tasks) {
          for (let item = 0; item < items; item++) job.run(bench, values, item);
        }
      }
    } finally {
      if (block !== null) this.#arena.free(block);
      if (this.onSpan !== null) {
        const name = [...new Set(tasks.map(({ name }) => name))].join(" + ");
        this.onSpan({ name, start: started, seconds: now() - started });
      }
    }
  }

  /** Ends the workers. */
  dispose(): void {
    this.#control.stop();
  }

  #runShared(stages: readonly (readonly Task[])[], scratch: Scratch): void {
    this.#startWorkers();
    const steps = toSteps(stages);
    const control = this.#control;
    writeProgram(steps, scratch, control.program);
    control.open();
    let hasSucceeded = false;
    try {
      takeItems(control, steps, this.#benchAt(scratch.start));
    } catch (error) {
      control.fail();
      throw error;
    } finally {
      hasSucceeded = control.close();
    }
    if (!hasSucceeded) {
      const names = stages.flat().map(({ name }) => name).join(", ");
      throw new Error(`Cannot run ${names}: a worker thread failed`);
    }
  }

  #benchAt(scratch: number): Bench {
    return { ...this.#tools, scratch };
  }

  #startWorkers(): void {
    const start = this.#startWorker;
    if (start === null) return;
    this.#startWorker = null;
    const { memory } = this.#arena.source;
    try {
      for (let thread = 1; thread < this.threads; thread++) {
        start({ memory, module: this.#module, foreign: this.#foreign, thread });
      }
    } catch {
      // Without permission for workers the calling thread does all items itself.
    }
  }
}
