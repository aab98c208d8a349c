/**
 * Reads the numbers of steps from the device, those of several short steps at once.
 *
 * Each read has a price. Deno's WebGPU stops the whole program until the device has nothing left to do, and
 * the device then idles until the next step is recorded; the numbers arrive 10 ms later still. So short steps
 * share a read, and the numbers of one read are taken during the steps of the next.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../../backends/backend.ts";
import { now } from "../../../core/clock.ts";
import { type StepNews, type StepSums, sumStep } from "./sum_step.ts";

/** Seconds of steps that share a read: how long a number may be unknown. */
const sharedSeconds = 0.5;
/** Steps that share a read at most, so that few more are computed once a run has diverged. */
export const mostSharedSteps = 4;

/** A step that has been submitted. */
export interface SubmittedStep {
  /** From 1. */
  readonly step: number;
  /** Of the metrics in `packed`, in order. */
  readonly names: readonly string[];
  /** What {@link StepSums} describes, on the device; disposed of when it has been read. */
  readonly packed: Tensor;
  readonly learningRate: number;
  /** Seconds that it waited for its images. */
  readonly dataTime: number;
  /** Seconds by stage. */
  readonly stages: Readonly<Record<string, number>>;
}

/** A step whose numbers are known. */
export interface KnownStep extends SubmittedStep {
  readonly sums: StepSums;
  /** Seconds; steps that share a read took equally long. */
  readonly stepTime: number;
}

interface Read {
  readonly steps: readonly SubmittedStep[];
  readonly sums: Promise<readonly StepSums[]>;
  stepTime: number;
  isDone: boolean;
}

/** See the module's description. */
export class StepReader {
  readonly #on: Context;
  readonly #canShare: boolean;
  readonly #unread: SubmittedStep[] = [];
  #reading: Read | null = null;
  readonly #clock: () => number;
  #shared = 1;
  #since: number;

  /** @param clock in seconds */
  constructor(on: Context, clock: () => number = now) {
    this.#on = on;
    this.#clock = clock;
    this.#since = clock();
    // With several ranks, all of them exchange numbers after each step.
    this.#canShare = communicatorOf(on).size === 1 && on.backend.capabilities.isHostMemory !== true;
  }

  /** Steps that were submitted and have not been returned. */
  get unknown(): number {
    return this.#unread.length + (this.#reading?.steps.length ?? 0);
  }

  /** The next step begins now: whatever happened since the last one is not part of it. */
  restart(): void {
    this.#since = this.#clock();
  }

  /** Takes a step. Returns those known by now, in order; waits only for a read that steps have followed. */
  async add(step: SubmittedStep, news: StepNews): Promise<KnownStep[]> {
    this.#unread.push(step);
    const next = this.#unread.length < this.#shared ? null : await this.#startRead(news);
    if (next === null) return this.#reading?.isDone ? await this.#take() : [];
    const known = await this.#take();
    this.#measure(next);
    return known;
  }

  /** Waits for everything that is unknown, and returns it in order. */
  async finish(news: StepNews): Promise<KnownStep[]> {
    const known = await this.#take();
    if (this.#unread.length > 0) this.#measure(await this.#startRead(news));
    return [...known, ...await this.#take()];
  }

  /** Frees what has not been read. */
  dispose(): void {
    tf.dispose(this.#unread.splice(0).map(({ packed }) => packed));
  }

  async #startRead(news: StepNews): Promise<Read> {
    const steps = this.#unread.splice(0);
    const values = this.#read(steps.map(({ packed }) => packed));
    const sums: Promise<StepSums>[] = [];
    for (const [index, { names }] of steps.entries()) {
      const own = values.then((all) => all[index]);
      sums.push((await sumStep(communicatorOf(this.#on), own, names.length, news)).sums);
    }
    const read = { steps, sums: Promise.all(sums), stepTime: 0, isDone: false };
    // It is awaited later.
    read.sums.catch(() => {}).finally(() => read.isDone = true);
    return read;
  }

  /** The values of each, in one read; disposes of the tensors. */
  async #read(packed: readonly Tensor[]): Promise<Float32Array[]> {
    const [first] = packed;
    const all = packed.length === 1 ? first : this.#on.backend.run(() => tf.concat([...packed]));
    try {
      const values = await all.data() as Float32Array;
      let end = 0;
      return packed.map(({ size }) => values.subarray(end, end += size));
    } finally {
      tf.dispose([...packed, all]);
    }
  }

  /** The steps of a read took what has passed since the last one. */
  #measure(read: Read): void {
    const time = this.#clock();
    read.stepTime = (time - this.#since) / read.steps.length;
    this.#since = time;
    this.#reading = read;
    if (!this.#canShare) return;
    const shared = Math.floor(sharedSeconds / read.stepTime);
    this.#shared = Math.min(Math.max(shared, 1), mostSharedSteps);
  }

  async #take(): Promise<KnownStep[]> {
    const read = this.#reading;
    if (read === null) return [];
    const sums = await read.sums;
    this.#reading = null;
    const { stepTime } = read;
    return read.steps.map((step, index) => ({ ...step, sums: sums[index], stepTime }));
  }
}
