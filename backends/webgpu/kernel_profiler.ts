/**
 * How long each kernel runs on the device, measured by timestamp queries: every dispatch gets its own pass.
 *
 * @module
 */

import type { KernelSpan } from "../backend.ts";

const CAPACITY = 4096; // queries of one set, two a dispatch: the most that WebGPU allows

interface FullSet {
  readonly names: string[];
  readonly buffer: GPUBuffer;
}

/** Counts from its creation until {@link KernelProfiler.finish}. */
export class KernelProfiler {
  readonly #device: GPUDevice;
  #querySet: GPUQuerySet;
  #names: string[] = [];
  readonly #full: FullSet[] = [];

  /** The device must have the feature `timestamp-query`. */
  constructor(device: GPUDevice) {
    this.#device = device;
    this.#querySet = this.#createSet();
  }

  #createSet(): GPUQuerySet {
    return this.#device.createQuerySet({ type: "timestamp", count: CAPACITY });
  }

  /** The pass for one dispatch; `encoder` must have no pass open. */
  beginPass(encoder: GPUCommandEncoder, name: string): GPUComputePassEncoder {
    if (this.#names.length * 2 === CAPACITY) this.#resolve(encoder);
    const first = this.#names.length * 2;
    this.#names.push(name);
    return encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#querySet,
        beginningOfPassWriteIndex: first,
        endOfPassWriteIndex: first + 1,
      },
    });
  }

  /** Copies the timestamps of the current set into a buffer, and starts another. */
  #resolve(encoder: GPUCommandEncoder): void {
    const size = this.#names.length * 16;
    const resolved = this.#device.createBuffer({ size, usage: 0x200 | 0x4 }); // QUERY_RESOLVE | COPY_SRC
    const buffer = this.#device.createBuffer({ size, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
    encoder.resolveQuerySet(this.#querySet, 0, this.#names.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, buffer, 0, size);
    this.#full.push({ names: this.#names, buffer });
    this.#names = [];
    this.#querySet = this.#createSet();
  }

  /** The times of all dispatches in order; they must have been submitted. */
  async finish(): Promise<KernelSpan[]> {
    if (this.#names.length > 0) {
      const encoder = this.#device.createCommandEncoder();
      this.#resolve(encoder);
      this.#device.queue.submit([encoder.finish()]);
    }
    const spans: KernelSpan[] = [];
    for (const { names, buffer } of this.#full) {
      await buffer.mapAsync(1); // READ
      const stamps = new BigUint64Array(buffer.getMappedRange());
      names.forEach((name, index) => {
        const [start, end] = [stamps[index * 2], stamps[index * 2 + 1]];
        spans.push({ name, start: Number(start) / 1e9, seconds: Number(end - start) / 1e9 });
      });
      buffer.destroy();
    }
    return spans;
  }
}
