/**
 * Which sample comes when: a function of the seed and the epoch alone.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";

const rounds = 8;

/** One keyed mixing of a word (MurmurHash3's finaliser, by A. Appleby). */
function mix(value: number, key: number): number {
  let h = (value ^ key) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** What an order is created from. */
export interface SampleOrderOptions {
  /** Number of samples. */
  readonly length: number;
  /** The run's seed. */
  readonly seed: number;
  /** `false` for the source's order in every epoch; default: `true`. */
  readonly isShuffled?: boolean;
}

/**
 * The order of the samples in each epoch, without a table: a keyed permutation (a Feistel network over the next
 * power of four, iterated until the result is in range), so that any position in any epoch costs the same and a
 * resumed run needs no replay.
 *
 * @example Every sample once per epoch, in a different order each time
 * ```ts
 * import { SampleOrder } from "./sampler.ts";
 * const order = new SampleOrder({ length: 1000, seed: 1 });
 * const epoch = (e: number) => Array.from({ length: 1000 }, (_, p) => order.at(e, p));
 * if (new Set(epoch(0)).size !== 1000) throw new Error();
 * if (epoch(0).join() === epoch(1).join()) throw new Error();
 * ```
 */
export class SampleOrder {
  /** Number of samples. */
  readonly length: number;
  readonly #seed: number;
  readonly #isShuffled: boolean;
  readonly #halfBits: number;
  #epoch = -1;
  #keys = new Uint32Array(rounds);

  /** An order; `isShuffled: false` keeps the source's. */
  constructor({ length, seed, isShuffled = true }: SampleOrderOptions) {
    this.length = length;
    this.#seed = seed;
    this.#isShuffled = isShuffled;
    this.#halfBits = Math.max(1, Math.ceil((32 - Math.clz32(Math.max(1, length - 1))) / 2));
  }

  #permute(value: number): number {
    const mask = 2 ** this.#halfBits - 1;
    let left = value >>> this.#halfBits;
    let right = value & mask;
    for (let round = 0; round < rounds; round++) {
      const mixed = (left ^ mix(right, this.#keys[round])) & mask;
      left = right;
      right = mixed;
    }
    return ((left << this.#halfBits) | right) >>> 0;
  }

  /** Index of the sample at `position` (0 … length − 1) of `epoch`. */
  at(epoch: number, position: number): number {
    if (!this.#isShuffled) return position;
    if (epoch !== this.#epoch) {
      const generator = Generator.from(this.#seed).split("order", epoch);
      this.#keys = Uint32Array.from({ length: rounds }, () => generator.bits());
      this.#epoch = epoch;
    }
    let value = position;
    do value = this.#permute(value); while (value >= this.length);
    return value;
  }
}

/** Where a step's samples are. */
export interface StepPosition {
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Position of the first sample in the epoch's order. */
  readonly position: number;
  /** Number of samples: the batch, or the remainder of the epoch. */
  readonly count: number;
}

/** How epochs are divided into steps. */
export interface StepPlanOptions {
  /** Number of samples. */
  readonly length: number;
  /** Samples in a step, over all ranks. */
  readonly batch: number;
  /** Drop an epoch's last, incomplete batch (unilm does, mmselfsup does not); default: `true`. */
  readonly dropsLast?: boolean;
}

/** From steps to positions. */
export class StepPlan {
  /** Steps per epoch. */
  readonly stepsPerEpoch: number;
  readonly #batch: number;
  readonly #length: number;

  /**
   * A plan.
   *
   * @throws UserError if an epoch does not contain a whole batch
   */
  constructor({ length, batch, dropsLast = true }: StepPlanOptions) {
    this.#length = length;
    this.#batch = batch;
    this.stepsPerEpoch = dropsLast ? Math.floor(length / batch) : Math.ceil(length / batch);
    if (this.stepsPerEpoch === 0) {
      throw new UserError(`Cannot fill a batch of ${batch} images: the data set has ${length}`, {
        hint: `give --batch ${Math.max(1, length)} or less, or --set data.dropLast=false`,
      });
    }
  }

  /** Where the samples of `step` (from 0, over all epochs) are. */
  at(step: number): StepPosition {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const position = (step - epoch * this.stepsPerEpoch) * this.#batch;
    return { epoch, position, count: Math.min(this.#batch, this.#length - position) };
  }
}

/** One forward pass of a step. */
export interface MicroBatch {
  /** Position of its first sample in the step, from 0. */
  readonly first: number;
  /** Its number of samples. */
  readonly count: number;
  /** Its share of the step: `count` ÷ samples in the step; 0 if another rank has it too. */
  readonly share: number;
}

/** How a step is divided. */
export interface StepDivision {
  /** Samples in the step, over all ranks. */
  readonly count: number;
  /** Maximum number of samples in a micro-batch; default: the rank's whole share. */
  readonly largest?: number | undefined;
  readonly rank?: number;
  readonly ranks?: number;
}

/**
 * A rank's micro-batches in a step, in order. If a step has fewer samples than there are ranks, a rank without
 * any repeats one with a share of 0, because every rank takes part in every step.
 *
 * @example Ten samples on two ranks, three at a time
 * ```ts
 * import { microBatchesOf } from "./sampler.ts";
 * const parts = microBatchesOf({ count: 10, largest: 3, rank: 1, ranks: 2 });
 * if (parts.map(({ first, count }) => `${first}+${count}`).join() !== "5+3,8+2") throw new Error();
 * ```
 */
export function microBatchesOf(
  { count, largest, rank = 0, ranks = 1 }: StepDivision,
): MicroBatch[] {
  const [from, to] = rankShare(count, rank, ranks);
  if (from === to) return [{ first: Math.min(from, count - 1), count: 1, share: 0 }];
  const size = largest ?? to - from;
  return Array.from({ length: Math.ceil((to - from) / size) }, (_, index) => {
    const first = from + index * size;
    const own = Math.min(size, to - first);
    return { first, count: own, share: own / count };
  });
}

/** The part [from, to) of `count` samples that belongs to `rank` of `ranks`. */
export function rankShare(count: number, rank: number, ranks: number): [number, number] {
  return [Math.floor(count * rank / ranks), Math.floor(count * (rank + 1) / ranks)];
}
