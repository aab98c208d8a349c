/**
 * What a training loop is made of.
 *
 * @module
 */

import type { Context } from "../../../backends/backend.ts";
import type { Parameter } from "../../../backends/parameter.ts";
import type { Generator } from "../../../core/generator.ts";
import type { MicroBatch } from "../../../data/loader/sampler.ts";
import type { StepOutput } from "../../batch.ts";
import type { Stage } from "../../stage.ts";
import type { RunListener } from "../events.ts";
import type { BatchQueue } from "../queue.ts";
import type { WarningRelay } from "../recording/warning_relay.ts";
import type { StepProfiler } from "./profile.ts";
import type { StepFailure } from "./step_failure.ts";

/** What `train` needs. */
export interface TrainingLoop<Batch> {
  readonly on: Context;
  readonly queue: BatchQueue<Batch>;
  /** The stages from the queue to the update; they must not return a promise. */
  readonly stages: Stage<Batch, StepOutput>;
  readonly learningRate: (step: number) => number;
  /** Steps done already (0, or those of the checkpoint) and steps to reach. */
  readonly startStep: number;
  readonly totalSteps: number;
  readonly batchSize: number;
  /** This rank's micro-batches of a step: fewer where the last batch of an epoch is smaller. */
  readonly microBatches: (step: number) => readonly MicroBatch[];
  readonly imagesPerEpoch: number;
  readonly generator: Generator;
  readonly listener: RunListener;
  /** Whether a non-finite gradient skips a step (mixed precision) or ends the run (float32). */
  readonly skipsNonFinite: boolean;
  /** Turns the stages' `details` into more metrics. */
  readonly summarize?: (details: Float32Array) => Record<string, number>;
  /**
   * Called after steps for which `wantsPause` says so, with all metrics delivered and nothing on
   * the tape: the place to save and to evaluate. Where it gives true, the run ends there.
   */
  readonly pause: (step: number) => Promise<boolean | void>;
  readonly wantsPause: (step: number) => boolean;
  /** The last stage in front whose models are frozen: what it gives is a part of a failure. */
  readonly frozenStage?: string;
  /** Keeps what a step that is not finite follows from; gives where, or null. */
  readonly saveFailure?: (failure: StepFailure<Batch>) => Promise<string | null>;
  readonly signal?: AbortSignal;
  /** Running statistics, which every rank moves by its own images: their mean is taken after a step. */
  readonly statistics?: readonly Parameter[];
  /** What else stages move before the update; of a skipped step all of it is put back. */
  readonly moving?: readonly Parameter[];
  /** Brings the warnings of all ranks to rank 0. */
  readonly relay?: WarningRelay | null;
  /** Measures some of the first steps. */
  readonly profiler?: StepProfiler | null;
}
