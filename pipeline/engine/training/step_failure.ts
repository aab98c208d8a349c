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
  readonly microBatch: number;
  readonly microBatches: number;
  readonly firstImage: number;
  readonly share: number;
  /** The factor that the loss was scaled by. */
  readonly lossScale: number;
  readonly precision: Precision;
  readonly generator: Generator;
  readonly batch: Batch;
  readonly found: Observation;
  readonly kept: ReadonlyMap<string, HostTensor>;
}
