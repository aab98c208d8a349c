/**
 * The training loop in a session: what follows from the session and from the config's sizes is filled
 * in, so that a task says what is its own.
 *
 * @module
 */

import { Generator } from "../../core/generator.ts";
import type { StepMetrics } from "../../pipeline/events.ts";
import { train, type TrainingLoop } from "../../pipeline/trainer.ts";
import { type LoaderShare, microBatchesAt, type RunLength } from "./schedule.ts";
import type { RunSession } from "./session.ts";

/** A task's part of the loop. */
export interface SessionLoop<Batch> extends
  Pick<
    TrainingLoop<Batch>,
    | "queue"
    | "stages"
    | "learningRate"
    | "startStep"
    | "summarize"
    | "wantsPause"
    | "pause"
    | "frozenStage"
    | "saveFailure"
    | "statistics"
    | "moving"
    | "signal"
  >,
  Partial<Pick<TrainingLoop<Batch>, "skipsNonFinite">> {
  readonly length: RunLength;
  /** Images of the source. */
  readonly images: number;
  readonly share: LoaderShare;
  /** Told of every step after the listeners. */
  readonly onStep?: (metrics: StepMetrics) => void;
}

/** How the loop ended. */
export interface SessionOutcome {
  /** Steps done. */
  readonly step: number;
  /** Whether the signal ended it before its last step. */
  readonly interrupted: boolean;
  /** Loss of the last step; null where no step was run. */
  readonly loss: number | null;
}

/** Tells of the start, and trains. */
export async function trainInSession<Batch>(
  session: RunSession,
  config: { readonly batchSize: number; readonly seed: number },
  { length, images, share, onStep, ...own }: SessionLoop<Batch>,
): Promise<SessionOutcome> {
  const { on, listener, directory, relay } = session;
  const { totalSteps, scheduleSteps, stepsPerEpoch } = length;
  let loss: number | null = null;
  listener({ type: "start", totalSteps, scheduleSteps, step: own.startStep, directory });
  const { step, interrupted } = await train<Batch>({
    skipsNonFinite: on.precision === "float16",
    ...own,
    on,
    totalSteps,
    batchSize: config.batchSize,
    microBatches: microBatchesAt(config, length, images, share),
    imagesPerEpoch: stepsPerEpoch * config.batchSize,
    generator: Generator.from(config.seed),
    listener: (event) => {
      listener(event);
      if (event.type !== "step") return;
      ({ loss } = event.metrics);
      onStep?.(event.metrics);
    },
    relay,
    profiler: session.profiler(),
  });
  return { step, interrupted, loss };
}
