/**
 * tfjs' WebGPU backend, with the private parts that our own work needs: its tensors' buffers and its command
 * stream. tfjs-backend-webgpu's version is pinned for this reason.
 *
 * @module
 */

import type { DataType } from "../../deps/tfjs.ts";
import { WebGPUBackend } from "../../deps/tfjs_webgpu.ts";

/** What tfjs' two classes call a data id; compared by reference. */
export type DataId = object;

/** Part of a buffer, in the form that a bind group takes. */
export interface BufferSlice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** What tfjs knows about a tensor; that `resource` may be a slice is our addition. */
export interface TensorData {
  values: unknown;
  dtype: DataType;
  shape: number[];
  refCount: number;
  resource?: GPUBuffer | BufferSlice | null;
}

/** The fields of `WebGPUBackend` that are private or have narrower types. */
interface Internals {
  tensorMap: { get(id: DataId): TensorData; has(id: DataId): boolean };
  commandQueueOwnedIds: WeakSet<DataId>;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  bufferManager: unknown;
}

/** See the module's text. */
export class WebgpuTensors extends WebGPUBackend {
  get #internals(): Internals {
    return this as unknown as Internals;
  }

  /** What tfjs knows about a tensor, to be read and changed. */
  protected dataOf(id: DataId): TensorData {
    return this.#internals.tensorMap.get(id);
  }

  protected hasData(id: DataId): boolean {
    return this.#internals.tensorMap.has(id);
  }

  /** Makes tfjs keep the buffer of a freed tensor until the recorded work is submitted. */
  protected keepUntilSubmitted(id: DataId): void {
    this.#internals.commandQueueOwnedIds.add(id);
  }

  /** Reverts {@link keepUntilSubmitted}. */
  protected freeAtOnce(id: DataId): void {
    this.#internals.commandQueueOwnedIds.delete(id);
  }

  /** Takes buffers from `pool`, which has the methods of tfjs' own. */
  protected useBufferPool(pool: unknown): void {
    this.#internals.bufferManager = pool;
  }

  /** Whether any recorded work has not been submitted. */
  protected get isRecording(): boolean {
    return this.#internals.commandEncoder !== null;
  }

  /** What commands outside a pass are recorded with; the open pass ends. */
  protected encoderOutsidePass(): GPUCommandEncoder {
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    return this.#internals.commandEncoder!;
  }

  /** The open compute pass; a new one if there is none. */
  protected openPass(): GPUComputePassEncoder {
    this.ensureCommandEncoderReady();
    return this.#internals.computePassEncoder ??= this.#internals.commandEncoder!
      .beginComputePass();
  }

  /** Ends the open pass and uses the one that `begin` opens. */
  protected replacePass(begin: (encoder: GPUCommandEncoder) => GPUComputePassEncoder): void {
    const encoder = this.encoderOutsidePass();
    this.#internals.computePassEncoder = begin(encoder);
  }

  /** Counts one of our own dispatches among those that tfjs submits together; returns how many there are. */
  protected countDispatch(): number {
    return ++this.#internals.dispatchCountInPass;
  }
}

/** The whole of a buffer, or the slice that it already is. */
export function asSlice(resource: GPUBuffer | BufferSlice): BufferSlice {
  if (!(resource instanceof GPUBuffer)) return resource;
  return { buffer: resource, offset: 0, size: resource.size };
}
