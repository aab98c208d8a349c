/**
 * The last stage: gradients of the loss, accumulated over micro-batches, and the update.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Parameter } from "../../backends/parameter.ts";
import type { LossOutput, StepOutput } from "../batch.ts";
import type { Stage, StepContext } from "../stage.ts";
import type { Updater } from "./optimizer.ts";
import type { LearningRateSchedule } from "./schedules.ts";

/**
 * The stage `optimize`. The update happens on the last micro-batch of a step, with the mean gradient;
 * never in a step that is watched.
 */
export function optimize(
  optimizer: Updater,
  schedule: LearningRateSchedule,
): Stage<LossOutput, StepOutput> & { readonly name: "optimize" } {
  const accumulated: Tensor[] = [];
  return {
    name: "optimize",
    run(output, context) {
      if (context.on.watch !== undefined) {
        return watchGradients(optimizer.parameters, output, context);
      }
      const scale = optimizer.lossScale;
      accumulate(accumulated, gradientsOf(optimizer.parameters, output.loss, scale, context));
      const isLast = context.microBatch === context.microBatches - 1;
      if (!isLast) return { ...output, update: null };
      const update = optimizer.step(context.on, accumulated, schedule, context.step);
      tf.dispose(accumulated.splice(0));
      return { ...output, update };
    },
  };
}

/** The gradients of a step that is watched, observed; nothing is updated. */
export function watchGradients(
  parameters: readonly Parameter[],
  output: LossOutput,
  context: StepContext,
): StepOutput {
  const watch = context.on.watch!;
  const gradients = gradientsOf(parameters, output.loss, tf.scalar(watch.lossScale), context);
  watch.gradientsOf(parameters.map(({ name }) => name), gradients);
  return { ...output, update: null };
}

/** Gradients of the scaled share of one micro-batch. */
function gradientsOf(
  parameters: readonly Parameter[],
  loss: Tensor,
  scale: Tensor,
  { tape, microBatches }: StepContext,
): Tensor[] {
  if (tape === null) throw new Error("Cannot optimize outside training: there is no tape");
  return tape.gradients(loss, parameters.map(({ value }) => value), tf.div(scale, microBatches));
}

/** Adds `gradients` to `sums` in place of the ones held before. */
function accumulate(sums: Tensor[], gradients: Tensor[]): void {
  for (const [index, gradient] of gradients.entries()) {
    const sum = sums[index];
    sums[index] = tf.keep(sum === undefined ? gradient : tf.add(sum, gradient));
    if (sum !== undefined) sum.dispose();
  }
}
