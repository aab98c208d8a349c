/**
 * The parts of a training loop.
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
import type { StepFailure } from "./step_failure.ts";

/** What `train` needs. */
export interface TrainingLoop<Batch> {
  /** Where to compute, and in which precision. */
  readonly on: Context;
  /** Where batches come from. */
  readonly queue: BatchQueue<Batch>;
  /** The stages from the queue to the update; they must not return a promise. */
  readonly stages: Stage<Batch, StepOutput>;
  /** The rate of a step, from 0. */
  readonly learningRate: (step: number) => number;
  /** Steps already done (0, or those of the checkpoint) and steps to reach. */
  readonly startStep: number;
  /** Steps of the whole run, including those already done. */
  readonly totalSteps: number;
  /** Images in a step, over all ranks. */
  readonly batchSize: number;
  /** This rank's micro-batches of a step: fewer if the last batch of an epoch is incomplete. */
  readonly microBatches: (step: number) => readonly MicroBatch[];
  /** Images in a pass over the data. */
  readonly imagesPerEpoch: number;
  /** The run's random draws; each step has its own part. */
  readonly generator: Generator;
  /** Receives `step` and `epoch` events. */
  readonly listener: RunListener;
  /** Whether a non-finite gradient skips a step (mixed precision) or ends the run (float32). */
  readonly skipsNonFinite: boolean;
  /** Turns the stages' `details` into additional metrics. */
  readonly summarize?: (details: Float32Array) => Record<string, number>;
  /**
   * Called after steps for which `wantsPause` returns true, with all metrics delivered and nothing
   * on the tape: the place to save and evaluate. If it returns true, the run ends there.
   */
  readonly pause: (step: number) => Promise<boolean | void>;
  /** Whether to pause after this many steps. */
  readonly wantsPause: (step: number) => boolean;
  /** The last of the leading stages with frozen models: its output becomes part of a failure bundle. */
  readonly frozenStage?: string;
  /** Saves what produced a non-finite step; returns where, or null. */
  readonly saveFailure?: (failure: StepFailure<Batch>) => Promise<string | null>;
  /** Ends the run after the current step. */
  readonly signal?: AbortSignal;
  /** Running statistics, which every rank updates from its own images: they are averaged after each step. */
  readonly statistics?: readonly Parameter[];
  /**
   * Anything else that stages update before the optimizer does; if the step is skipped, all of it
   * is restored.
   */
  readonly moving?: readonly Parameter[];
  /** Forwards the warnings of all ranks to rank 0. */
  readonly relay?: { readonly waiting: number; exchange(): Promise<void> } | null;
  /** Measures some of the first steps; times are in seconds. */
  readonly profiler?: {
    /** Called with every stage that ran. */
    readonly stage: (name: string, start: number, seconds: number) => void;
    before(step: number, time: number): Promise<void>;
    after(time: () => number): Promise<void>;
    end(time: () => number): Promise<void>;
  } | null;
}
