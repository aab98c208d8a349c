/**
 * Sums the gradients of several ranks, in parts that are sent while the backward pass continues, as in
 * PyTorch's DistributedDataParallel (Li et al. 2020).
 *
 * The backward pass reaches the last parameters first. Parameters are therefore put into buckets from the last
 * to the first, and a bucket is sent as soon as it and all the ones before it are complete: every rank sends
 * the same buckets in the same order.
 *
 * @module
 */

import type { Communicator } from "../../distributed/communicator.ts";

/** How gradients are transferred. */
export interface GradientTraffic {
  /** Number format of a gradient in transit: float16 halves the bytes. */
  readonly wire: "float32" | "float16";
  /** Megabytes of gradients per message, before rounding. */
  readonly bucketMegabytes: number;
  /** Whether messages are sent during the backward pass, or after it. */
  readonly overlap: boolean;
}

/** The default: DDP's 25 MB. */
export const defaultTraffic: GradientTraffic = {
  wire: "float32",
  bucketMegabytes: 25,
  overlap: true,
};

interface Bucket {
  readonly values: Float32Array<ArrayBuffer>;
  /** For {@link Bucket.values}, if they are sent as float16. */
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
 * The largest float16 that can be summed over `ranks`, in any order, and stay finite: each addition may round
 * up by half a unit in the last place, 2⁻¹¹ of its sum, and so may the limit itself.
 */
function largestSummand(ranks: number): number {
  const limit = 65504 / (ranks * (1 + 2 ** -11) ** ranks);
  // Digits beyond float16's eleven are dropped, so that rounding to float16 cannot raise it.
  const unit = 2 ** (Math.floor(Math.log2(limit)) - 10);
  return Math.floor(limit / unit) * unit;
}

/**
 * The factor for float16 gradients in transit: they are around 1e-4 and below, where float16 has few digits.
 * Scaled values above 64, a thousand times the usual, are clipped to 64.
 */
const wireScale = 2 ** 10;

/** A model's buckets, reused at every step. */
export class GradientBuckets {
  /** The order in which parameters are expected: from the last to the first. */
  readonly order: readonly number[];
  /** The same, divided into what is sent together. */
  readonly groups: readonly (readonly number[])[];
  readonly #communicator: Communicator;
  readonly #buckets: readonly Bucket[];
  readonly #places: readonly Place[];
  #wireScale = 1;
  #started = 0;

  /** @param sizes number of values in each parameter */
  constructor(
    sizes: readonly number[],
    communicator: Communicator,
    { wire, bucketMegabytes }: GradientTraffic,
  ) {
    this.#communicator = communicator;
    this.order = sizes.map((_, index) => sizes.length - 1 - index);
    this.groups = groupBySize(this.order, sizes, bucketMegabytes * 1e6 / 4);
    const places: Place[] = [];
    this.#buckets = this.groups.map((parameters) => {
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
   * Starts a step.
   *
   * @param lossScale of its gradients, a power of two: float16 has no room for it
   */
  begin(lossScale: number): void {
    this.#wireScale = wireScale / lossScale;
  }

  /** Takes this rank's gradient of a parameter, the sum of `parts`; sends the bucket that this completes. */
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

  /** Waits for the sums; everything is then ready for the next step. */
  async finish(): Promise<void> {
    for (const bucket of this.#buckets) {
      await bucket.done;
      if (bucket.half !== null) this.#widen(bucket.values, bucket.half);
      bucket.missing = bucket.parameters.length;
      bucket.done = null;
    }
    this.#started = 0;
  }

  /** The sum of a parameter's gradient over all ranks: a view that is valid until the next step. */
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
    // Finite values stay finite in the sum; an infinite gradient skips the step, or ends the run.
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

/** Consecutive groups of at least `length` numbers, except for the last. */
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
