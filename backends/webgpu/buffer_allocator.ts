/**
 * Memory for tensors from the pool, with errors that name the kernel and the tensor it was for.
 *
 * @module
 */

import { BufferPool } from "./buffer_pool.ts";
import { DeviceFaults, mebibytes } from "./device_faults.ts";

const TENSOR_USAGE = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST

/** Options of {@link BufferAllocator}. */
export interface BufferAllocatorOptions {
  /** Bytes that it may hold. */
  readonly limitBytes: number;
  /** The running kernel, for messages; empty if there is none. */
  readonly kernel: () => string;
}

/** See the module's text. */
export class BufferAllocator {
  readonly pool: BufferPool;
  readonly faults: DeviceFaults;
  readonly #device: GPUDevice;
  readonly #kernel: () => string;
  /** Type and shape of the tensor that a buffer is acquired for. */
  #wanted: string | null = null;

  constructor(device: GPUDevice, { limitBytes, kernel }: BufferAllocatorOptions) {
    this.#device = device;
    this.#kernel = kernel;
    this.faults = new DeviceFaults(device, () => this.pool.numBytesAllocated);
    this.pool = new BufferPool({
      limitBytes,
      create: (descriptor) =>
        this.faults.createBuffer({ label: this.#label(), bytes: descriptor.size }, descriptor),
      onExhausted: (bytes, used) => {
        const reason = `${mebibytes(used)} of them in use, and the run may use ${
          mebibytes(limitBytes)
        }`;
        throw this.faults.outOfMemory({ label: this.#label(), bytes }, reason);
      },
    });
  }

  /** Maximum bytes for one tensor: what can be bound to a shader at once. */
  get largestBytes(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize);
  }

  /**
   * A buffer for a tensor of `type` and `shape`, with undefined contents.
   *
   * @throws OutOfMemoryError if a single binding or the pool cannot hold that much
   */
  acquire(bytes: number, type: string, shape: readonly number[]): GPUBuffer {
    return this.allocating(
      bytes,
      `${type} [${shape.join(", ")}]`,
      () => this.pool.acquireBuffer(bytes, TENSOR_USAGE),
    );
  }

  /** A separate buffer that no other tensor has used; initially zero. */
  create(bytes: number): GPUBuffer {
    return this.pool.acquireBuffer(bytes, TENSOR_USAGE, false, false);
  }

  /**
   * Runs `work`, in which somebody takes `bytes` from the pool for `what`.
   *
   * @throws OutOfMemoryError as {@link acquire}
   */
  allocating<T>(bytes: number, what: string, work: () => T): T {
    this.#wanted = what;
    try {
      if (bytes > this.largestBytes) {
        const reason = `and one buffer of this GPU holds ${mebibytes(this.largestBytes)}`;
        throw this.faults.outOfMemory({ label: this.#label(), bytes }, reason);
      }
      return work();
    } finally {
      this.#wanted = null;
    }
  }

  /** What the next buffer is for: `attention, float32 [64, 197, 768]`. */
  #label(): string {
    return [this.#kernel(), this.#wanted ?? "a buffer"].filter(Boolean).join(", ");
  }
}
