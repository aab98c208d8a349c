/**
 * Where the two halves of the pipeline meet: batches prepared ahead of the step.
 *
 * @module
 */

import { Stopwatch } from "../../core/clock.ts";
import { Generator } from "../../core/generator.ts";
import type { LoadedBatch, Loader } from "../../data/loader/loader.ts";
import type { MicroBatch } from "../../data/loader/sampler.ts";
import type { StepPlace } from "../batch.ts";
import type { HostContext, HostStage } from "../stage.ts";

/** Returns the micro-batches of a run in order, and the seconds that its stages took. */
export interface BatchQueue<Batch> {
  /**
   * A given micro-batch of a step (both from 0): the next in order, or the first of an earlier
   * step, from which it then continues in order; the batches are the same as before.
   */
  next(step: number, microBatch: number): Promise<Batch>;
  /** Seconds that the stages before the queue have worked since the last call, by name. */
  takeTimes(): Record<string, number>;
  /** Stops the workers. */
  close(): Promise<void>;
}

/** Batches from a loader, whose workers run `load`, `augment` and `mask`. */
export function loaderQueue(loader: Loader): BatchQueue<LoadedBatch> {
  let batches: ReturnType<Loader["batches"]> | null = null;
  let last: StepPlace | null = null;
  const stopwatch = new Stopwatch();
  return {
    async next(step, microBatch) {
      const isBack = last !== null && (step < last.step || microBatch === 0 && step === last.step);
      if (isBack) {
        await batches?.return();
        batches = null;
      }
      last = { step, microBatch };
      batches ??= loader.batches({ from: step });
      const { value, done } = await batches.next();
      if (done || value.step !== step || value.microBatch !== microBatch) {
        throw new Error(`The loader is not at step ${step}, micro-batch ${microBatch}`);
      }
      for (const [name, seconds] of Object.entries(value.seconds)) stopwatch.add(name, seconds);
      return value;
    },
    takeTimes: () => stopwatch.take(),
    async close() {
      await batches?.return();
      loader.close();
    },
  };
}

/** How {@link stageQueue} works. */
export interface StageQueueOptions {
  /** The run's seed. */
  readonly seed: number;
  /** This rank's micro-batches of a step. */
  readonly microBatches: (step: number) => readonly MicroBatch[];
  /** Batches prepared ahead of the step. */
  readonly prefetch: number;
}

/** Batches from any stages, run on this thread ahead of the step: for users' stages. */
export function stageQueue<Batch>(
  stages: HostStage<StepPlace, Batch>,
  options: StageQueueOptions,
): BatchQueue<Batch> {
  const { seed, microBatches, prefetch } = options;
  const root = Generator.from(seed);
  const stopwatch = new Stopwatch();
  const closing = new AbortController();
  const ready: { place: StepPlace; batch: Promise<Batch> }[] = [];
  const make = (place: StepPlace) => {
    const parts = microBatches(place.step);
    const context: HostContext = {
      ...place,
      microBatches: parts.length,
      firstImage: parts[place.microBatch].first,
      generator: root.split("input", place.step, place.microBatch),
      stopwatch,
      signal: closing.signal,
    };
    const batch = Promise.resolve().then(() => stages.run(place, context));
    batch.catch(() => {}); // It is awaited later, or never where the run has ended.
    ready.push({ place, batch });
  };
  const after = ({ step, microBatch }: StepPlace): StepPlace =>
    microBatch + 1 < microBatches(step).length
      ? { step, microBatch: microBatch + 1 }
      : { step: step + 1, microBatch: 0 };
  return {
    next(step, microBatch) {
      if (ready[0]?.place.step !== step || ready[0].place.microBatch !== microBatch) {
        ready.splice(0);
        make({ step, microBatch });
      }
      const { place, batch } = ready.shift()!;
      let last = ready.at(-1)?.place ?? place;
      while (ready.length < prefetch) make(last = after(last));
      return batch;
    },
    takeTimes: () => stopwatch.take(),
    close() {
      closing.abort();
      return Promise.resolve();
    },
  };
}
