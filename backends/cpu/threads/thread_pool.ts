/** Runs jobs on the calling thread and, for large ones, on workers that share its memory. @module */

import { now } from "../../../core/clock.ts";
import type { KernelSpan } from "../../backend.ts";
import type { Bench, Job, JobArguments, KernelTable, ThreadTools } from "../jobs/job.ts";
import { jobs } from "../jobs/registry.ts";
import type { Arena } from "../memory/arena.ts";
import type { ForeignKernels } from "../providers/foreign_kernels.ts";
import { Control } from "./control.ts";
import { takeItems } from "./serve_jobs.ts";
import type { StartWorker } from "./start_worker.ts";

/** How a pool runs; the defaults suit training. */
export interface ThreadPoolOptions {
  /** Threads, the calling one included. */
  threads: number;
  /** Multiplications from which on a job is shared out. */
  sharedWork?: number;
}

/** What a call of {@link ThreadPool.run} needs besides the job's own arguments. */
export interface RunOptions {
  items: number;
  /** Scratch memory for each thread. */
  scratchBytes?: number;
  /** Multiplications or so in all items together; small jobs stay on one thread. */
  work: number;
}

const defaultSharedWork = 100_000;

/** See the module's text. */
export class ThreadPool {
  readonly threads: number;
  readonly kernels: KernelTable;
  readonly tile: ThreadTools["tile"];
  /** Receives what every job took, while somebody wants to know. */
  onSpan: ((span: KernelSpan) => void) | null = null;
  readonly #arena: Arena;
  readonly #control: Control;
  readonly #module: WebAssembly.Module;
  readonly #foreign: ForeignKernels | null;
  readonly #sharedWork: number;
  #startWorker: StartWorker | null;

  constructor(
    source: ThreadTools & {
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
    this.tile = source.tile;
    this.#foreign = source.foreign;
    this.#startWorker = startWorker;
    this.threads = startWorker === null ? 1 : options.threads;
    this.#sharedWork = options.sharedWork ?? defaultSharedWork;
    this.#control = new Control(source.arena.buffer);
    this.#control.reset();
  }

  /** Runs all items; returns when they are done. */
  run<Field extends string>(
    job: Job<Field>,
    values: JobArguments<Field>,
    options: RunOptions,
  ): void {
    const isShared = this.threads > 1 && options.items > 1 && options.work >= this.#sharedWork;
    const scratchBytes = Math.ceil((options.scratchBytes ?? 0) / 64) * 64;
    const scratch = scratchBytes === 0
      ? null
      : this.#arena.allocate(scratchBytes * (isShared ? this.threads : 1));
    const started = now();
    try {
      const start = scratch?.offset ?? 0;
      if (isShared) this.#runShared(job as Job, values, options.items, start, scratchBytes);
      else {
        const bench = this.#benchAt(start);
        for (let item = 0; item < options.items; item++) job.run(bench, values, item);
      }
    } finally {
      if (scratch !== null) this.#arena.free(scratch);
      this.onSpan?.({ name: job.name, start: started, seconds: now() - started });
    }
  }

  /** Ends the workers. */
  dispose(): void {
    this.#control.stop();
  }

  #runShared(
    job: Job,
    values: JobArguments<string>,
    items: number,
    scratch: number,
    scratchBytes: number,
  ): void {
    this.#startWorkers();
    const control = this.#control;
    const { jobArguments } = control;
    job.fields.forEach((field, position) => jobArguments[position] = values[field]);
    jobArguments[job.fields.length] = scratch;
    jobArguments[job.fields.length + 1] = scratchBytes;
    control.open(jobs.indexOf(job), items);
    let hasSucceeded = false;
    try {
      takeItems(control, job, this.#benchAt(scratch), values, items);
    } finally {
      hasSucceeded = control.close();
    }
    if (!hasSucceeded) throw new Error(`Cannot run the job "${job.name}": a worker thread failed`);
  }

  #benchAt(scratch: number): Bench {
    return { kernels: this.kernels, tile: this.tile, scratch };
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
