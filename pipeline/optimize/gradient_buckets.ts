/**
 * Gradients of several ranks become one sum, in parts that are under way while the backward pass goes
 * on, as in PyTorch's DistributedDataParallel (Li et al. 2020).
 *
 * The backward pass reaches the last parameters first. So parameters are put into buckets from the last
 * to the first, and a bucket is sent as soon as all of it and all before it are there: every rank sends
 * the same buckets in the same order.
 *
 * @module
 */

import type { Communicator } from "../../distributed/communicator.ts";

/** How gradients travel. */
export interface GradientTraffic {
  /** Number format of a gradient on its way: float16 halves the bytes. */
  readonly wire: "float32" | "float16";
  /** Megabytes of gradients in one message, before they are rounded. */
  readonly bucketMegabytes: number;
  /** Whether messages are under way during the backward pass, or after it. */
  readonly overlap: boolean;
}

/** What is used where nobody said otherwise: DDP's 25 MB. */
export const defaultTraffic: GradientTraffic = {
  wire: "float32",
  bucketMegabytes: 25,
  overlap: true,
};

interface Bucket {
  readonly values: Float32Array<ArrayBuffer>;
  /** Of {@link Bucket.values}, where they travel in float16. */
  readonly half: Float16Array<ArrayBuffer> | null;
  readonly parameters: readonly number[];
  missing: number;
  done: Promise<void> | null;
}

interface Place {
  readonly bucket: Bucket;
  readonly start: number;
  readonly end: number;
}

/**
 * The largest float16 that may be added up over `ranks`, in any order, and stays finite: each addition
 * may round up by half a unit in the last place, 2⁻¹¹ of its sum, and so may the limit itself.
 */
function largestSummand(ranks: number): number {
  const limit = 65504 / (ranks * (1 + 2 ** -11) ** ranks);
  // Digits below float16's eleven go, so that rounding to float16 cannot raise it.
  const unit = 2 ** (Math.floor(Math.log2(limit)) - 10);
  return Math.floor(limit / unit) * unit;
}

/**
 * What float16 gradients are multiplied by on their way: they lie around 1e-4 and below, where float16
 * has few digits. What is larger than 64 then, a thousand times the usual, is cut to that.
 */
const wireScale = 2 ** 10;

/** The buckets of one model, used again at every step. */
export class GradientBuckets {
  /** The order in which parameters are expected: from the last to the first. */
  readonly order: readonly number[];
  readonly #communicator: Communicator;
  readonly #buckets: readonly Bucket[];
  readonly #places: readonly Place[];
  #wireScale = 1;
  #started = 0;

  /** @param sizes numbers of each parameter */
  constructor(
    sizes: readonly number[],
    communicator: Communicator,
    { wire, bucketMegabytes }: GradientTraffic,
  ) {
    this.#communicator = communicator;
    this.order = sizes.map((_, index) => sizes.length - 1 - index);
    const groups = groupBySize(this.order, sizes, bucketMegabytes * 1e6 / 4);
    const places: Place[] = [];
    this.#buckets = groups.map((parameters) => {
      const length = parameters.reduce((sum, index) => sum + sizes[index], 0);
      const bucket: Bucket = {
        values: new Float32Array(length),
        half: wire === "float16" ? new Float16Array(length) : null,
        parameters,
        missing: parameters.length,
        done: null,
      };
      let start = 0;
      for (const index of parameters) {
        places[index] = { bucket, start, end: start + sizes[index] };
        start += sizes[index];
      }
      return bucket;
    });
    this.#places = places;
  }

  /**
   * Begins a step.
   *
   * @param lossScale that its gradients carry, a power of two: float16 has no room for it
   */
  begin(lossScale: number): void {
    this.#wireScale = wireScale / lossScale;
  }

  /** Takes this rank's gradient of a parameter, the sum of `parts`; sends the bucket that it completes. */
  add(parameter: number, parts: readonly Float32Array[]): void {
    const { bucket, start, end } = this.#places[parameter];
    const own = bucket.values.subarray(start, end);
    const [first, ...others] = parts;
    own.set(first);
    for (const other of others) {
      for (let i = 0; i < own.length; i++) own[i] += other[i];
    }
    bucket.missing--;
    while (this.#buckets[this.#started]?.missing === 0) this.#send(this.#buckets[this.#started++]);
    this.#communicator.progress();
  }

  /** Waits for the sums; then all is ready for the next step. */
  async finish(): Promise<void> {
    for (const bucket of this.#buckets) {
      await bucket.done;
      if (bucket.half !== null) this.#widen(bucket.values, bucket.half);
      bucket.missing = bucket.parameters.length;
      bucket.done = null;
    }
    this.#started = 0;
  }

  /** The sum over all ranks of a parameter's gradient: a view that lasts until the next step. */
  sum(parameter: number): Float32Array {
    const { bucket, start, end } = this.#places[parameter];
    return bucket.values.subarray(start, end);
  }

  #send(bucket: Bucket): void {
    const { values, half } = bucket;
    if (half === null) {
      bucket.done = this.#communicator.allReduce(values);
      return;
    }
    // What is finite stays so in the sum: an infinite gradient skips the step, or ends the run.
    const limit = largestSummand(this.#communicator.size);
    const scale = this.#wireScale;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] * scale;
      half[i] = Number.isFinite(value) ? Math.min(limit, Math.max(-limit, value)) : value;
    }
    bucket.done = this.#communicator.allReduce(new Uint16Array(half.buffer));
  }

  #widen(values: Float32Array, half: Float16Array): void {
    const factor = 1 / this.#wireScale;
    for (let i = 0; i < values.length; i++) values[i] = half[i] * factor;
  }
}

/** Consecutive groups of at least `length` numbers, but for the last. */
function groupBySize(
  order: readonly number[],
  sizes: readonly number[],
  length: number,
): number[][] {
  const groups: number[][] = [];
  let room = 0;
  for (const index of order) {
    if (room <= 0) {
      groups.push([]);
      room = length;
    }
    groups.at(-1)!.push(index);
    room -= sizes[index];
  }
  return groups;
}
