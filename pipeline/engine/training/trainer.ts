/**
 * The training loop shared by every task: fetch a batch, run the stages, read their numbers
 * later, notify the listener, stop when asked.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { type Backend, communicatorOf } from "../../../backends/backend.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";
import { now, Stopwatch } from "../../../core/clock.ts";
import { isDeviceFault, OutOfMemoryError } from "../../../core/errors.ts";
import { averageOverRanks } from "./average_over_ranks.ts";
import type { StepOutput } from "../../batch.ts";
import { divergenceOf } from "./divergence.ts";
import { MovingParameters } from "./moving_parameters.ts";
import type { StepMetrics } from "../events.ts";
import { type KnownStep, StepReader } from "./step_reader.ts";
import { type DeviceContext, runWithoutWaiting } from "../../stage.ts";
import type { TrainingLoop } from "./training_loop.ts";
import { addAll } from "../../../backends/add_all.ts";

/** Consecutive steps that mixed precision may skip before the run is aborted … */
const mostSkippedSteps = 50;
/** … and those whose loss itself is not finite, which no loss scale can fix. */
const mostLostSteps = 10;

/**
 * Runs steps `startStep` … `totalSteps` − 1.
 *
 * @returns the number of completed steps, and whether the signal ended it early
 */
export async function train<Batch>(
  loop: TrainingLoop<Batch>,
): Promise<{ step: number; interrupted: boolean }> {
  const reader = new StepReader(loop.on);
  try {
    return await runSteps(loop, reader);
  } catch (error) {
    const cause = await deviceFault(loop.on.backend) ?? error;
    if (cause instanceof OutOfMemoryError) {
      const sizes = loop.microBatches(loop.startStep).map(({ count }) => count);
      cause.microBatchSize = Math.max(...sizes);
    }
    throw cause;
  } finally {
    reader.dispose();
  }
}

/** What is wrong with the device, which may have caused any other error; null if nothing is. */
async function deviceFault(backend: Backend): Promise<Error | null> {
  try {
    await backend.sync();
    return null;
  } catch (error) {
    return isDeviceFault(error) ? error : null;
  }
}

async function runSteps<Batch>(
  loop: TrainingLoop<Batch>,
  reader: StepReader,
): Promise<{ step: number; interrupted: boolean }> {
  const stopwatch = new Stopwatch();
  const profiler = loop.profiler ?? null;
  stopwatch.onSpan = profiler?.stage ?? null;
  let [skippedInARow, lostInARow] = [0, 0];
  const isAlone = communicatorOf(loop.on).size === 1;
  let isStopping = false;

  const news = () => ({
    isStopping: loop.signal?.aborted ?? false,
    warnings: loop.relay?.waiting ?? 0,
  });
  const deliver = async (known: Promise<KnownStep[]>) => {
    for (const step of await known) {
      const metrics = toMetrics(step, loop);
      const { stopping, warnings } = step.sums;
      // With several ranks, all stop after the same step: the one at which all of them know.
      isStopping ||= stopping > 0;
      if (warnings > 0) await loop.relay?.exchange();
      loop.listener({ type: "step", totalSteps: loop.totalSteps, metrics });
      const epochs = epochsDone(metrics.step, loop);
      if (epochs > epochsDone(metrics.step - 1, loop)) {
        loop.listener({ type: "epoch", epoch: epochs, step: metrics.step });
      }
      skippedInARow = metrics.skipped ? skippedInARow + 1 : 0;
      lostInARow = Number.isFinite(metrics.loss) ? 0 : lostInARow + 1;
      const isOver = loop.skipsNonFinite
        ? skippedInARow >= mostSkippedSteps || lostInARow >= mostLostSteps
        : metrics.skipped;
      if (isOver) throw await divergenceOf(loop, metrics, skippedInARow);
    }
  };

  let step = loop.startStep;
  let pausedAt = step;
  while (step < loop.totalSteps && !(isAlone ? loop.signal?.aborted : isStopping)) {
    await profiler?.before(step, now());
    const before = new MovingParameters(loop.on, [
      ...loop.statistics ?? [],
      ...loop.moving ?? [],
    ]);
    const submitted = await runStep(loop, step, stopwatch, before)
      .finally(() => before.dispose());
    const stages = { ...loop.queue.takeTimes(), ...stopwatch.take() };
    const learningRate = loop.learningRate(step);
    step++;
    await deliver(reader.add({ step, ...submitted, learningRate, stages }, news()));
    await profiler?.after(now);
    // In a run that may end here, no further step is computed before this is known.
    if (skippedInARow + reader.unknown >= mostLostSteps) await deliver(reader.finish(news()));
    if (loop.wantsPause(step) && step < loop.totalSteps) {
      await deliver(reader.finish(news()));
      const isEnough = await loop.pause(step);
      pausedAt = step;
      reader.restart();
      if (isEnough) {
        await profiler?.end(now);
        return { step, interrupted: false };
      }
    }
  }
  await deliver(reader.finish(news()));
  const interrupted = step < loop.totalSteps;
  await profiler?.end(now);
  if (step > pausedAt) await loop.pause(step);
  return { step, interrupted };
}

/** All micro-batches of one step; the scalars come back packed into one tensor. */
async function runStep<Batch>(
  loop: TrainingLoop<Batch>,
  step: number,
  stopwatch: Stopwatch,
  before: MovingParameters,
): Promise<{ packed: Tensor; names: string[]; dataTime: number }> {
  let dataTime = 0;
  let names: string[] = [];
  const vectors: Tensor[] = [];
  const details: Tensor[] = [];
  let update: StepOutput["update"] = null;
  const works: (() => Promise<void>)[] = [];
  const afterTape = <T>(work: () => Promise<T>): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>();
    works.push(async () => resolve(await work()));
    return promise;
  };
  const parts = loop.microBatches(step);
  for (const [microBatch, { first, share }] of parts.entries()) {
    const waiting = now();
    const batch = await loop.queue.next(step, microBatch);
    dataTime += now() - waiting;
    loop.on.backend.run(() =>
      tf.tidy(() => {
        const tape = Tape.open();
        try {
          const context: DeviceContext = {
            on: loop.on,
            step,
            microBatch,
            microBatches: parts.length,
            firstImage: first,
            share,
            afterTape,
            tape,
            generator: loop.generator.split("step", step),
            stopwatch,
          };
          const output = runWithoutWaiting(loop.stages, batch, context);
          names = ["loss", ...Object.keys(output.metrics)];
          const scalars = tf.stack([output.loss, ...Object.values(output.metrics)]);
          vectors.push(tf.keep(tf.mul(scalars, share)));
          if (output.details !== undefined) {
            // Whatever another rank counts too is not counted here.
            details.push(tf.keep(share > 0 ? output.details : tf.zerosLike(output.details)));
          }
          ({ update } = output);
          if (update instanceof tf.Tensor) tf.keep(update);
        } finally {
          tape.close();
        }
      })
    );
    for (const work of works.splice(0)) await work();
  }
  const report = await update!;
  before.settle(loop.on, report);
  if (loop.statistics !== undefined) await averageOverRanks(loop.on, loop.statistics);
  const packed = loop.on.backend.run(() =>
    tf.tidy(() => {
      const parts = [addAll(vectors), report];
      if (details.length > 0) parts.push(addAll(details));
      return tf.concat(parts);
    })
  );
  tf.dispose([...vectors, ...details, report]);
  return { packed, names, dataTime };
}

/** Completed passes over the data after a step. */
function epochsDone<Batch>(
  step: number,
  { batchSize, imagesPerEpoch }: TrainingLoop<Batch>,
): number {
  // Half an image more, so that rounding cannot shift the end of a pass by a step.
  return Math.floor((step * batchSize + 0.5) / imagesPerEpoch);
}

function toMetrics<Batch>(
  { step, names, sums: { values }, learningRate, stepTime, dataTime, stages }: KnownStep,
  loop: TrainingLoop<Batch>,
): StepMetrics {
  const named = Object.fromEntries(names.map((name, index) => [name, values[index]]));
  const [gradNorm, lossScale, skipped] = values.subarray(names.length);
  const details = values.subarray(names.length + 3);
  return {
    step,
    epoch: step * loop.batchSize / loop.imagesPerEpoch,
    ...named,
    ...loop.summarize?.(details),
    loss: named.loss,
    learningRate,
    lossScale,
    gradNorm: Number.isFinite(gradNorm) ? gradNorm : null,
    skipped: skipped !== 0,
    imagesPerSecond: loop.batchSize / stepTime,
    dataTime,
    stepTime,
    stages,
  };
}
