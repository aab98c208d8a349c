/**
 * The tensors of a device, as our own kernels need them.
 *
 * Two things that tfjs does not know about are kept alongside its tensor map. A tensor may be stored as float16
 * behind a float32 handle, at half the size: our kernels ask for {@link Runtime.storage} and read it directly,
 * and it is widened before anything in tfjs uses it. And a tensor may live in a slice of a larger buffer, see
 * `kernels/adam_w/parameter_arena.ts`.
 *
 * @module
 */

import { type DataType, type Tensor, type TensorInfo, tf } from "../../deps/tfjs.ts";
import type { WebGPUBackend } from "../../deps/tfjs_webgpu.ts";
import { CommandRecorder } from "./command_recorder.ts";
import { Deferrals } from "./deferral.ts";
import { makeTensor } from "../tfjs/handles.ts";
import { asSlice, type BufferSlice, type DataId, type TensorData } from "../tfjs/webgpu_tensors.ts";

export type { Dispatch } from "./command_recorder.ts";
export type { BufferSlice } from "../tfjs/webgpu_tensors.ts";

/** How the elements of a float tensor are stored in its buffer. */
export type Storage = "float32" | "float16";

/** Is told when a tensor is about to be written, and when its data is gone. */
export interface DataWatcher {
  readonly onWritten: (id: DataId) => void;
  readonly onFreed: (id: DataId) => void;
}

/** See the module's text. */
export class Runtime extends CommandRecorder {
  /** Called before a tensor stored as float16 is given to tfjs; set by `ShaderRunner`. */
  widen: ((half: BufferSlice, full: BufferSlice) => void) | null = null;
  /** Called when the last handle of a tensor in a slice is gone. */
  onSliceReleased: ((slice: BufferSlice) => void) | null = null;
  /** Returns the place for a gradient of the parameter in a slice, null if it is taken. */
  claimGradientSlot:
    | ((parameter: BufferSlice, gradient: TensorInfo) => BufferSlice | null)
    | null = null;
  /** Returns the float16 copy of the parameter in a slice, null if none is kept. */
  halfSlotOf: ((parameter: BufferSlice) => BufferSlice | null) | null = null;
  /** Dispatches of kernels that are waiting for their reader. */
  readonly deferrals = new Deferrals(this);
  readonly #watchers: DataWatcher[] = [];
  #halves = new WeakSet<DataId>();
  #abandoned = new WeakSet<DataId>();

  /** How the elements of `tensor` are stored. */
  storage(tensor: { dataId: object }): Storage {
    return this.#halves.has(tensor.dataId) ? "float16" : "float32";
  }

  /** A new tensor with undefined contents. */
  allocate(shape: number[], dtype: DataType = "float32", storage: Storage = "float32"): Tensor {
    const info = this.makeTensorInfo(shape, dtype);
    const id = info.dataId as DataId;
    this.dataOf(id).resource = this.#acquire(shape, storage);
    if (storage === "float16") this.#halves.add(id);
    return makeTensor(info, this);
  }

  /**
   * A new tensor for the gradient of `parameter`, of its shape: where the update expects it, if
   * that place is known and free.
   */
  allocateGradient(parameter: Tensor): Tensor {
    const held = this.sliceOf(parameter);
    const gradient = this.allocateLater(parameter.shape);
    const place = held && this.claimGradientSlot?.(held, gradient);
    const data = this.dataOf(gradient.dataId as DataId);
    data.resource = place ?? this.#acquire(gradient.shape);
    return gradient;
  }

  /** Like {@link allocate}, but with a buffer only from first use: for what may never be computed. */
  allocateLater(shape: number[], storage: Storage = "float32"): Tensor {
    const info = this.makeTensorInfo(shape, "float32");
    if (storage === "float16") this.#halves.add(info.dataId as DataId);
    return makeTensor(info, this);
  }

  /** Tells `watcher` about all tensors from now on. */
  watchData(watcher: DataWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Declares that `tensor` will never have contents; using it is an error from now on. */
  abandon(tensor: TensorInfo): void {
    this.#abandoned.add(tensor.dataId as DataId);
  }

  /** What must be done before anyone uses the contents of a tensor. */
  #prepare(id: DataId): void {
    if (this.#abandoned.has(id)) {
      throw new Error("This gradient became part of another and has no value");
    }
    this.deferrals.settle(id);
  }

  #acquire(shape: readonly number[], storage: Storage = "float32"): GPUBuffer {
    const elements = tf.util.sizeFromShape([...shape]);
    const bytes = storage === "float16" ? Math.ceil(elements / 2) * 4 : elements * 4;
    return this.allocator.acquire(Math.max(bytes, 4), storage, shape);
  }

  /** A separate buffer, initially zero. */
  createBuffer(bytes: number): BufferSlice {
    return asSlice(this.allocator.create(bytes));
  }

  destroyBuffer({ buffer }: BufferSlice): void {
    this.pool.releaseBuffer(buffer, false);
  }

  /** The buffer of `tensor` as stored; uploads what is still on the host. */
  bindingOf(tensor: TensorInfo): BufferSlice {
    const id = tensor.dataId as DataId;
    this.#prepare(id);
    const data = this.dataOf(id);
    if (!data.resource && this.#halves.has(id)) {
      data.resource = this.#acquire(data.shape, "float16");
    } else if (!data.resource) {
      this.uploadToGPU(id);
    }
    this.keepUntilSubmitted(id);
    return asSlice(this.dataOf(id).resource!);
  }

  /** Like {@link bindingOf}, widened to float32 if it was stored as float16. */
  floatsOf(tensor: TensorInfo): BufferSlice {
    this.uploadToGPU(tensor.dataId as DataId);
    return this.bindingOf(tensor);
  }

  /** Like {@link bindingOf}, for a tensor that is about to be written. */
  bindingOfOutput(tensor: TensorInfo): BufferSlice {
    const binding = this.bindingOf(tensor);
    // tfjs keeps what was read back; it is stale from now on.
    this.dataOf(tensor.dataId as DataId).values = null;
    for (const { onWritten } of this.#watchers) onWritten(tensor.dataId as DataId);
    return binding;
  }

  /** Moves the buffer of `tensor` into `slice`; the data is copied. */
  moveInto(tensor: TensorInfo, slice: BufferSlice): void {
    const from = this.bindingOfOutput(tensor);
    this.copy(from, slice);
    const data = this.dataOf(tensor.dataId as DataId);
    if (data.resource instanceof GPUBuffer) {
      this.pool.releaseBuffer(data.resource);
    } else {
      this.onSliceReleased?.(data.resource!);
    }
    data.resource = slice;
  }

  /** Gives `tensor` its own buffer, with the contents of its slice. */
  moveOut(tensor: TensorInfo): void {
    const from = this.bindingOf(tensor);
    const buffer = this.#acquire(tensor.shape);
    this.copy(from, asSlice(buffer));
    this.dataOf(tensor.dataId as DataId).resource = buffer;
  }

  /** The slice that {@link moveInto} put `tensor` in, if any. */
  sliceOf(tensor: TensorInfo): BufferSlice | null {
    const { resource } = this.dataOf(tensor.dataId as DataId);
    return resource && !(resource instanceof GPUBuffer) ? resource : null;
  }

  /** Replaces the float32 buffer of `tensor` with a float16 one, which `narrow` fills. */
  demote(tensor: Tensor, narrow: (full: BufferSlice, half: BufferSlice) => void): void {
    const half = this.allocate(tensor.shape, "float32", "float16");
    narrow(this.bindingOf(tensor), this.bindingOfOutput(half));
    this.replaceByHalf(tensor, half);
  }

  /** Gives `tensor` the float16 buffer of `half`, which is gone afterwards. */
  replaceByHalf(tensor: Tensor, half: Tensor): void {
    const [data, taken] = [tensor, half].map(({ dataId }) => {
      return this.dataOf(dataId as DataId);
    });
    this.pool.releaseBuffer(data.resource as GPUBuffer);
    data.resource = taken.resource;
    data.values = null;
    this.#halves.add(tensor.dataId as DataId);
    taken.resource = null;
    half.dispose();
  }

  override uploadToGPU(id: DataId): void {
    this.#prepare(id);
    const data = this.dataOf(id);
    if (this.#halves.has(id)) this.#widen(id, data);
    if (data.resource) return;
    const bytes = tf.util.sizeFromShape(data.shape) * 4;
    const what = `${data.dtype} [${data.shape.join(", ")}]`;
    this.allocator.allocating(bytes, what, () => super.uploadToGPU(id));
  }

  #widen(id: DataId, data: TensorData): void {
    const half = data.resource as GPUBuffer;
    const full = this.#acquire(data.shape);
    this.widen!(asSlice(half), asSlice(full));
    this.pool.releaseBuffer(half);
    this.keepUntilSubmitted(id);
    data.resource = full;
    this.#halves.delete(id);
  }

  override async read(id: DataId): ReturnType<WebGPUBackend["read"]> {
    await this.faults.settle();
    this.#prepare(id);
    const data = this.dataOf(id);
    if (data.values == null && this.#halves.has(id)) this.#widen(id, data);
    if (data.values == null && data.resource && !(data.resource instanceof GPUBuffer)) {
      data.values = await this.#readSlice(data.resource);
    }
    const values = await super.read(id).catch(async (error) => {
      throw await this.faults.explain(error);
    });
    await this.faults.settle();
    return values;
  }

  /** What is deferred is done even where this cannot wait for it: whoever tries looks again later. */
  override readSync(id: DataId): ReturnType<WebGPUBackend["readSync"]> {
    this.#prepare(id);
    return super.readSync(id);
  }

  async #readSlice(slice: BufferSlice): Promise<Float32Array> {
    const staging = this.device.createBuffer({ size: slice.size, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
    this.copy(slice, asSlice(staging));
    this.flush();
    await staging.mapAsync(1);
    const values = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return values;
  }

  override disposeData(id: DataId, force = false): boolean {
    const data = this.hasData(id) ? this.dataOf(id) : null;
    const isLast = data !== null && (force || data.refCount <= 1);
    if (isLast) {
      this.deferrals.forget(id);
      for (const { onFreed } of this.#watchers) onFreed(id);
      // tfjs would wait for the next submission. Whoever gets the buffer next writes it in work that is
      // recorded after everything that reads it.
      this.freeAtOnce(id);
    }
    if (isLast && data.resource && !(data.resource instanceof GPUBuffer)) {
      const slice = data.resource;
      data.resource = null;
      this.onSliceReleased?.(slice);
    }
    return super.disposeData(id, force);
  }
}
