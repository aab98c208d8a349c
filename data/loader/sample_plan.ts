/**
 * Which files make up which batch: a function of the seed and the step.
 *
 * @module
 */
import type { Source } from "../sources/source.ts";
import { type SampleFile, storedFile } from "./sample_file.ts";
import { microBatchesOf, SampleOrder, StepPlan, type StepPosition } from "./sampler.ts";

/** How a source is divided into steps and micro-batches. */
export interface SamplePlanOptions {
  /** Where the samples come from. */
  readonly source: Source;
  /** Samples in a step, over all ranks. */
  readonly batch: number;
  /** Maximum number of samples in one micro-batch of this rank; default: the rank's whole share. */
  readonly microBatch?: number;
  /** The run's seed. */
  readonly seed: number;
  /** `false` for the source's order (evaluation); default: `true`. */
  readonly isShuffled?: boolean;
  /** Drop an epoch's last, incomplete batch; default: `true`. */
  readonly dropsLast?: boolean;
  /** The rank of this process (default: 0) … */
  readonly rank?: number;
  /** … and the number of processes (default: 1). */
  readonly ranks?: number;
}

/** One micro-batch's part of a step. */
export interface PlannedBatch extends StepPosition {
  readonly step: number;
  readonly microBatch: number;
  /** Micro-batches in the step. */
  readonly microBatches: number;
  /** See `MicroBatch.share`. */
  readonly share: number;
}

/** The files of every micro-batch of a rank. */
export class SamplePlan {
  readonly #options: SamplePlanOptions;
  readonly #steps: StepPlan;
  readonly #order: SampleOrder;

  /**
   * A plan.
   *
   * @throws UserError if the source does not fill a batch
   */
  constructor(options: SamplePlanOptions) {
    const { source: { length }, batch, seed, isShuffled = true, dropsLast = true } = options;
    this.#options = options;
    this.#steps = new StepPlan({ length, batch, dropsLast });
    this.#order = new SampleOrder({ length, seed, isShuffled });
  }

  /** Steps per epoch. */
  get stepsPerEpoch(): number {
    return this.#steps.stepsPerEpoch;
  }

  /** This rank's micro-batches of a step, in order. */
  batchesOf(step: number): PlannedBatch[] {
    const { rank, ranks, microBatch: largest } = this.#options;
    const { epoch, position, count: whole } = this.#steps.at(step);
    const parts = microBatchesOf({ count: whole, largest, rank, ranks });
    return parts.map(({ first, count, share }, microBatch) => ({
      ...{ step, microBatch, microBatches: parts.length, share },
      ...{ epoch, position: position + first, count },
    }));
  }

  /**
   * The file at `slot` of a batch, or the `attempt`-th after it in the epoch (from 1, wrapping around at the
   * end), to use instead; null if none are left.
   */
  async file(
    { epoch, position }: PlannedBatch,
    slot: number,
    attempt: number,
  ): Promise<SampleFile | null> {
    const { source } = this.#options;
    if (attempt >= source.length) return null;
    const index = this.#order.at(epoch, (position + slot + attempt) % source.length);
    const { id, label } = source.entry(index);
    return { index, id, label, ...await storedFile(source, index) };
  }
}
