/**
 * The last stage: gradients of the loss, summed over micro-batches and ranks, and the update.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { communicatorOf } from "../../backends/backend.ts";
import type { Parameter } from "../../backends/parameter.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import type { LossOutput, StepOutput } from "../batch.ts";
import type { DeviceContext, Stage } from "../stage.ts";
import { defaultTraffic, type GradientTraffic } from "./gradient_buckets.ts";
import type { Updater } from "./optimizer.ts";
import { SharedGradients, type TakeGradients } from "./shared_gradients.ts";

/**
 * The stage `optimize`. The update happens on a step's last micro-batch, with the mean gradient over all images
 * of all ranks; never in a step that is being watched.
 */
export function optimize(
  optimizer: Updater,
  schedule: LearningRateSchedule,
  traffic: GradientTraffic = defaultTraffic,
): Stage<LossOutput, StepOutput> & { readonly name: "optimize" } {
  const accumulated: Tensor[] = [];
  let shared: SharedGradients | null = null;
  return {
    name: "optimize",
    run(output, context) {
      if (context.on.watch !== undefined) {
        return watchGradients(optimizer.parameters, output, context);
      }
      const { on, step, afterTape, stopwatch } = context;
      const { parameters, lossScale } = optimizer;
      const take: TakeGradients = (onFinal) =>
        gradientsOf(parameters, output.loss, lossScale, context, onFinal);
      const isLast = context.microBatch === context.microBatches - 1;
      const communicator = communicatorOf(on);
      if (!isLast || communicator.size === 1) accumulate(accumulated, take());
      if (!isLast) return { ...output, update: null };
      if (communicator.size === 1) {
        const update = optimizer.step(on, accumulated, schedule, step);
        tf.dispose(accumulated.splice(0));
        return { ...output, update };
      }
      const sums = shared ??= new SharedGradients(on, parameters, communicator, traffic);
      const finish = sums.start(take, accumulated.splice(0), lossScale);
      const update = afterTape(async () => {
        await stopwatch.time("communicate", finish);
        return sums.use((gradients) => tf.keep(optimizer.step(on, gradients, schedule, step)));
      });
      return { ...output, update };
    },
  };
}

/** Observes the gradients of a watched step; nothing is updated. */
export function watchGradients(
  parameters: readonly Parameter[],
  output: LossOutput,
  context: DeviceContext,
): StepOutput {
  const watch = context.on.watch!;
  const gradients = gradientsOf(parameters, output.loss, tf.scalar(watch.lossScale), context);
  watch.gradientsOf(parameters.map(({ name }) => name), gradients);
  return { ...output, update: null };
}

/** Gradients of one micro-batch's scaled share. */
function gradientsOf(
  parameters: readonly Parameter[],
  loss: Tensor,
  scale: Tensor,
  { tape, share }: DeviceContext,
  onFinal?: (index: number, gradient: Tensor) => void,
): Tensor[] {
  if (tape === null) throw new Error("Cannot optimize outside training: there is no tape");
  const values = parameters.map(({ value }) => value);
  return tape.gradients(loss, values, tf.mul(scale, share), onFinal);
}

/** Adds `gradients` to `sums`, replacing the previous ones. */
function accumulate(sums: Tensor[], gradients: Tensor[]): void {
  for (const [index, gradient] of gradients.entries()) {
    const sum = sums[index];
    sums[index] = tf.keep(sum === undefined ? gradient : tf.add(sum, gradient));
    if (sum !== undefined) sum.dispose();
  }
}
