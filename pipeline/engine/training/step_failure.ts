/**
 * A step that is not finite.
 *
 * @module
 */

import type { Precision } from "../../../backends/backend.ts";
import type { Observation } from "../../../backends/watch.ts";
import type { Generator } from "../../../core/generator.ts";
import type { HostTensor } from "./examine.ts";

/** A non-finite step, as found. */
export interface StepFailure<Batch> {
  /** Optimizer step, from 0. */
  readonly step: number;
  /** The micro-batch that is not finite, from 0. */
  readonly microBatch: number;
  /** This process's micro-batches in the step. */
  readonly microBatches: number;
  /** Position of the micro-batch's first image in the step, over all ranks. */
  readonly firstImage: number;
  /** The micro-batch's share of the step, over all ranks. */
  readonly share: number;
  /** The factor that the loss was scaled by. */
  readonly lossScale: number;
  /** The format of the step's products. */
  readonly precision: Precision;
  /** The random draws of the step, before any was taken. */
  readonly generator: Generator;
  /** The micro-batch as it left the queue. */
  readonly batch: Batch;
  /** The first tensor that is not finite. */
  readonly found: Observation;
  /** What the last frozen stage returned, by key. */
  readonly kept: ReadonlyMap<string, HostTensor>;
}
