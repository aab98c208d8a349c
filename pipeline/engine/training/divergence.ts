/**
 * The end of a run with non-finite numbers: which tensor was the first, and where everything that produced it
 * is stored.
 *
 * @module
 */

import { communicatorOf } from "../../../backends/backend.ts";
import { describeObservation, type Observation } from "../../../backends/watch.ts";
import { messageOf } from "../../../core/errors.ts";
import { gatherJson } from "../../../distributed/communicator.ts";
import { Generator } from "../../../core/generator.ts";
import type { StepMetrics } from "../events.ts";
import { examineMicroBatch } from "./examine.ts";
import type { StepFailure } from "./step_failure.ts";
import type { TrainingLoop } from "./training_loop.ts";

/** Training cannot continue: the loss or a gradient is not a number. */
export class DivergenceError extends Error {
  /** Tells it from other errors. */
  override name = "DivergenceError";
  /** The first non-finite tensor; null if a repetition of the step found none. */
  readonly found: Observation | null;
  /** The failure bundle's directory; null if none was written. */
  readonly bundle: string | null;

  /** With a message that says the step, the tensor and what to do. */
  constructor(message: string, found: Observation | null = null, bundle: string | null = null) {
    super(message);
    this.found = found;
    this.bundle = bundle;
  }
}

/**
 * Examines a step's micro-batches one after another, until one is not finite.
 *
 * @param lossScale of that step
 * @returns null if all of them are finite this time
 */
async function examineStep<Batch>(
  loop: TrainingLoop<Batch>,
  step: number,
  lossScale: number,
): Promise<StepFailure<Batch> | null> {
  const microBatches = loop.microBatches(step);
  for (const [microBatch, { first: firstImage, share }] of microBatches.entries()) {
    const batch = await loop.queue.next(step, microBatch);
    const generator = loop.generator.split("step", step);
    const place = { step, microBatch, microBatches: microBatches.length, firstImage, share };
    const { found, kept } = await examineMicroBatch({
      on: loop.on,
      stages: loop.stages,
      batch,
      ...place,
      generator: Generator.fromState(generator.state),
      lossScale,
      keepsOutputOf: loop.frozenStage ?? null,
    });
    if (found === null) continue;
    const { precision } = loop.on;
    return { ...place, lossScale, precision, generator, batch, found, kept };
  }
  return null;
}

function reasonOf({ step, loss, lossScale }: StepMetrics, skippedInARow: number): string {
  const what = Number.isFinite(loss) ? "gradients" : "losses";
  return skippedInARow > 1
    ? `${skippedInARow} steps in a row, up to ${step}, were skipped for non-finite ${what}, down to a ` +
      `loss scale of ${lossScale}: the run has diverged`
    : `Step ${step} is not finite (loss ${loss}); the parameters are those from before it`;
}

/** Saves a failure; a full disk must not hide what was found. */
async function save<Batch>(
  { saveFailure }: TrainingLoop<Batch>,
  failure: StepFailure<Batch>,
): Promise<{ bundle: string | null; where: string }> {
  try {
    const bundle = await saveFailure?.(failure) ?? null;
    const where = bundle === null
      ? ""
      : `. Repeat it with \`deno task replay ${bundle} --backend reference\``;
    return { bundle, where };
  } catch (error) {
    return { bundle: null, where: `. ${messageOf(error)}` };
  }
}

/** Repeats the step of `metrics` while watching it and returns the error that ends the run. */
export async function divergenceOf<Batch>(
  loop: TrainingLoop<Batch>,
  metrics: StepMetrics,
  skippedInARow: number,
): Promise<DivergenceError> {
  const reason = reasonOf(metrics, skippedInARow);
  const remedy = loop.on.precision === "float16"
    ? "lower optimizer.lr, raise the warm-up or use --precision float32, and resume"
    : "lower optimizer.lr or raise the warm-up, and resume";
  try {
    const failure = await examineStep(loop, metrics.step - 1, metrics.lossScale);
    const all = await gatherJson(
      communicatorOf(loop.on),
      failure === null ? null : describeObservation(failure.found),
    );
    const guiltyRank = all.findIndex((found) => found !== null);
    if (failure === null && guiltyRank >= 0) {
      const found = `on rank ${guiltyRank}, ${all[guiltyRank]}`;
      return new DivergenceError(
        `${reason}. The first non-finite tensor: ${found}; ${remedy}`,
      );
    }
    if (failure === null) {
      const none =
        "when repeated, every tensor of its micro-batches was finite: either their sum is " +
        "not, or the step is not reproducible";
      return new DivergenceError(`${reason}. ${none}; ${remedy}`);
    }
    const { found } = failure;
    const guilty = `${reason}. The first non-finite tensor: ${describeObservation(found)}`;
    const { bundle, where } = await save(loop, failure);
    return new DivergenceError(`${guilty}${where}; ${remedy}`, found, bundle);
  } catch (error) {
    // The user needs to know about the divergence, not that its cause could not be found.
    return new DivergenceError(
      `${reason}. Its cause was not found: ${messageOf(error)}; ${remedy}`,
    );
  }
}
