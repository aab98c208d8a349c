/**
 * The last stage: gradients of the loss, accumulated over micro-batches, and the update.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { LossOutput, StepOutput } from "../batch.ts";
import type { Stage, StepContext } from "../stage.ts";
import type { Updater } from "./optimizer.ts";
import type { LearningRateSchedule } from "./schedules.ts";

/**
 * The stage `optimize`. The update happens on the last micro-batch of a step, with the mean gradient.
 */
export function optimize(
  optimizer: Updater,
  schedule: LearningRateSchedule,
): Stage<LossOutput, StepOutput> & { readonly name: "optimize" } {
  const accumulated: Tensor[] = [];
  return {
    name: "optimize",
    run(output, context) {
      accumulate(accumulated, gradientsOf(optimizer, output.loss, context));
      const isLast = context.microBatch === context.microBatches - 1;
      if (!isLast) return { ...output, update: null };
      const update = optimizer.step(context.on, accumulated, schedule, context.step);
      tf.dispose(accumulated.splice(0));
      return { ...output, update };
    },
  };
}

/** Gradients of the scaled share of one micro-batch. */
function gradientsOf(optimizer: Updater, loss: Tensor, context: StepContext): Tensor[] {
  if (context.tape === null) throw new Error("Cannot optimize outside training: there is no tape");
  const share = tf.div(optimizer.lossScale, context.microBatches);
  return context.tape.gradients(loss, optimizer.parameters.map(({ value }) => value), share);
}

/** Adds `gradients` to `sums` in place of the ones held before. */
function accumulate(sums: Tensor[], gradients: Tensor[]): void {
  for (const [index, gradient] of gradients.entries()) {
    const sum = sums[index];
    sums[index] = tf.keep(sum === undefined ? gradient : tf.add(sum, gradient));
    if (sum !== undefined) sum.dispose();
  }
}
