/**
 * What tfjs-backend-webgpu 4.22.0 keeps private and our own kernels need; the version is pinned for
 * its sake.
 *
 * @module
 */

import type { DataType } from "../../deps/tfjs.ts";

/** What the two classes of tfjs call an identity of data; compared by reference. */
export type DataId = object;

/** A part of a buffer, as a bind group takes it. */
export interface BufferSlice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** What tfjs knows of a tensor; that `resource` may be a slice is ours. */
export interface TensorData {
  values: unknown;
  dtype: DataType;
  shape: number[];
  refCount: number;
  resource?: GPUBuffer | BufferSlice | null;
}

/** The fields of `WebGPUBackend` that are private or have narrower types. */
export interface Internals {
  tensorMap: { get(id: DataId): TensorData; has(id: DataId): boolean };
  commandQueueOwnedIds: WeakSet<DataId>;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  uniformPendingDisposal: GPUBuffer[];
  bufferManager: unknown;
}

/** The whole of a buffer, or the slice that it is already. */
export function asSlice(resource: GPUBuffer | BufferSlice): BufferSlice {
  if (!(resource instanceof GPUBuffer)) return resource;
  return { buffer: resource, offset: 0, size: resource.size };
}
