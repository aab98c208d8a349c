/**
 * tfjs' WebGPU backend on our own device, opened up for kernels of our own.
 *
 * tfjs' programs have one output, read-only inputs and no float16. This class records our own
 * pipelines into the same command stream. It is the only file that touches tfjs' private fields,
 * which is why the version of tfjs-backend-webgpu is pinned.
 *
 * Two things tfjs does not know about are kept beside its tensor map. A tensor may be stored as
 * float16 behind a float32 handle, at half the size: our kernels ask for {@link Runtime.storage} and
 * read it as it is, and whenever anything of tfjs wants the tensor it is widened first. And a tensor
 * may live in a slice of a larger buffer, see `parameter_arena.ts`.
 *
 * @module
 */

import { type DataType, type Tensor, type TensorInfo, tf } from "../../deps/tfjs.ts";
import { WebGPUBackend } from "../../deps/tfjs_webgpu.ts";
import { BufferPool } from "./buffer_pool.ts";
import { Deferrals } from "./deferral.ts";
import { DeviceFaults, mebibytes } from "./device_faults.ts";
import type { KernelProfiler } from "./kernel_profiler.ts";

/** How the elements of a float tensor lie in its buffer. */
export type Storage = "float32" | "float16";

/** What the two classes of tfjs call an identity of data; compared by reference. */
type DataId = object;

/** A part of a buffer, as a bind group takes it. */
export interface BufferSlice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

interface TensorData {
  values: unknown;
  dtype: DataType;
  shape: number[];
  refCount: number;
  resource?: GPUBuffer | BufferSlice | null;
}

/** The fields of `WebGPUBackend` 4.22.0 that are private or have narrower types. */
interface Internals {
  tensorMap: { get(id: DataId): TensorData; has(id: DataId): boolean };
  commandQueueOwnedIds: WeakSet<DataId>;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  uniformPendingDisposal: GPUBuffer[];
  bufferManager: unknown;
}

/** A recorded dispatch: what {@link Runtime.dispatch} needs. */
export interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  /** In the order of the shader's bindings; the uniform, if any, comes after them. */
  readonly bindings: readonly BufferSlice[];
  /** Contents of the uniform buffer, or null where the shader has none. */
  readonly uniform: ArrayBuffer | null;
  readonly grid: readonly [number, number, number];
}

const TENSOR_USAGE = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST
const UNIFORM_USAGE = 0x40 | 0x8; // UNIFORM | COPY_DST
/** Dispatches recorded before they are handed to the GPU; tfjs' own default is 15. */
const DISPATCHES_PER_SUBMIT = 32;

/** See the module's text. */
export class Runtime extends WebGPUBackend {
  /** The buffers of tensors. */
  readonly pool: BufferPool;
  /** Times every dispatch while there is one. */
  profiler: KernelProfiler | null = null;
  /** Dispatches so far, tfjs' and our own. */
  dispatches = 0;
  /** Called before a tensor stored as float16 is given to tfjs; set by `ShaderRunner`. */
  widen: ((half: BufferSlice, full: BufferSlice) => void) | null = null;
  /** Told when the last handle of a tensor in a slice is gone. */
  onSliceReleased: ((slice: BufferSlice) => void) | null = null;
  /** Gives a gradient of the parameter in a slice its place, null where that is taken. */
  claimGradientSlot:
    | ((parameter: BufferSlice, gradient: TensorInfo) => BufferSlice | null)
    | null = null;
  /** Gives the float16 copy of the parameter in a slice, null where none is kept with it. */
  halfSlotOf: ((parameter: BufferSlice) => BufferSlice | null) | null = null;
  /** Told when a tensor is about to be written, and when its data is gone. */
  onWritten: ((id: DataId) => void) | null = null;
  onFreed: ((id: DataId) => void) | null = null;
  /** Dispatches of kernels that wait for their reader. */
  readonly deferrals = new Deferrals(this);
  #halves = new WeakSet<DataId>();
  #abandoned = new WeakSet<DataId>();
  #uniforms = new Map<string, GPUBuffer>();
  /** The kernel at work, for messages. */
  kernel = "";
  readonly faults: DeviceFaults;
  /** Shape and type of the tensor that a buffer is acquired for. */
  #wanted: string | null = null;

  constructor(device: GPUDevice, info: GPUAdapterInfo, limitBytes = Infinity) {
    super(device, info);
    this.faults = new DeviceFaults(device, () => this.pool.numBytesAllocated);
    this.pool = new BufferPool({
      limitBytes,
      create: (descriptor) => this.#createBuffer(descriptor),
      onExhausted: (bytes, used) => {
        const reason = `${mebibytes(used)} of them in use, and the run may use ${
          mebibytes(limitBytes)
        }`;
        throw this.faults.outOfMemory({ label: this.#label(), bytes }, reason);
      },
    });
    this.#inner.bufferManager = this.pool;
  }

  get #inner(): Internals {
    return this as unknown as Internals;
  }

  /** What the next buffer is for: `attention, float32 [64, 197, 768]`. */
  #label(): string {
    return [this.kernel, this.#wanted ?? "a buffer"].filter(Boolean).join(", ");
  }

  #createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    return this.faults.createBuffer(
      { label: this.#label(), bytes: descriptor.size },
      descriptor,
    );
  }

  /** How the elements of `tensor` are stored. */
  storage(tensor: { dataId: object }): Storage {
    return this.#halves.has(tensor.dataId) ? "float16" : "float32";
  }

  /** A new tensor with undefined contents. */
  allocate(shape: number[], dtype: DataType = "float32", storage: Storage = "float32"): Tensor {
    const info = this.makeTensorInfo(shape, dtype);
    const id = info.dataId as DataId;
    const elements = tf.util.sizeFromShape(shape);
    const bytes = storage === "float16" ? Math.ceil(elements / 2) * 4 : elements * 4;
    this.#inner.tensorMap.get(id).resource = this.#acquire(Math.max(bytes, 4), shape, storage);
    if (storage === "float16") this.#halves.add(id);
    return tf.engine().makeTensorFromTensorInfo(info, this);
  }

  /**
   * A new tensor for the gradient of `parameter`, of its shape: where the update wants it, if that
   * place is known and free.
   */
  allocateGradient(parameter: Tensor): Tensor {
    const held = this.sliceOf(parameter);
    const gradient = this.allocateLater(parameter.shape);
    const place = held && this.claimGradientSlot?.(held, gradient);
    const data = this.#inner.tensorMap.get(gradient.dataId as DataId);
    data.resource = place ?? this.#acquire(Math.max(gradient.size * 4, 4), gradient.shape);
    return gradient;
  }

  /** As {@link allocate}, with a buffer only from the first use on: for what may never be computed. */
  allocateLater(shape: number[]): Tensor {
    const info = this.makeTensorInfo(shape, "float32");
    return tf.engine().makeTensorFromTensorInfo(info, this);
  }

  /** Says that `tensor` will never have contents; its use is an error from now on. */
  abandon(tensor: TensorInfo): void {
    this.#abandoned.add(tensor.dataId as DataId);
  }

  /** What must be done before the contents of a tensor are used by whomever. */
  #prepare(id: DataId): void {
    if (this.#abandoned.has(id)) throw new Error("This gradient went into a sum and has no value");
    this.deferrals.settle(id);
  }

  #acquire(
    bytes: number,
    shape: readonly number[],
    storage: Storage | "scratch" = "float32",
  ): GPUBuffer {
    this.#wanted = `${storage} [${shape.join(", ")}]`;
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (bytes > limit) {
      throw this.faults.outOfMemory(
        { label: this.#label(), bytes },
        `and one buffer of this GPU holds ${mebibytes(limit)}`,
      );
    }
    const buffer = this.pool.acquireBuffer(bytes, TENSOR_USAGE);
    this.#wanted = null;
    return buffer;
  }

  /** A scratch buffer that returns to the pool when the work recorded so far is submitted. */
  scratch(bytes: number): BufferSlice {
    const buffer = this.#acquire(Math.ceil(bytes / 4) * 4, [bytes / 4], "scratch");
    this.#inner.uniformPendingDisposal.push(buffer);
    return { buffer, offset: 0, size: buffer.size };
  }

  /** A buffer of one's own, zero at first. */
  createBuffer(bytes: number): BufferSlice {
    return asSlice(this.pool.acquireBuffer(bytes, TENSOR_USAGE, false, false));
  }

  destroyBuffer({ buffer }: BufferSlice): void {
    this.pool.releaseBuffer(buffer, false);
  }

  /** The buffer of `tensor` as it is stored; uploads what is still on the processor. */
  bindingOf(tensor: TensorInfo): BufferSlice {
    const id = tensor.dataId as DataId;
    this.#prepare(id);
    if (!this.#inner.tensorMap.get(id).resource) this.uploadToGPU(id);
    this.#inner.commandQueueOwnedIds.add(id);
    return asSlice(this.#inner.tensorMap.get(id).resource!);
  }

  /** As {@link bindingOf}, widened to float32 where it was stored as float16. */
  floatsOf(tensor: TensorInfo): BufferSlice {
    this.uploadToGPU(tensor.dataId as DataId);
    return this.bindingOf(tensor);
  }

  /** As {@link bindingOf}, for a tensor that is about to be written. */
  bindingOfOutput(tensor: TensorInfo): BufferSlice {
    const binding = this.bindingOf(tensor);
    // tfjs keeps what was read back; it is stale from now on.
    this.#inner.tensorMap.get(tensor.dataId as DataId).values = null;
    this.onWritten?.(tensor.dataId as DataId);
    return binding;
  }

  /** Moves the buffer of `tensor` into `slice`; the data is copied. */
  moveInto(tensor: TensorInfo, slice: BufferSlice): void {
    const from = this.bindingOfOutput(tensor);
    this.copy(from, slice);
    const data = this.#inner.tensorMap.get(tensor.dataId as DataId);
    if (data.resource instanceof GPUBuffer) {
      this.pool.releaseBuffer(data.resource);
    } else {
      this.onSliceReleased?.(data.resource!);
    }
    data.resource = slice;
  }

  /** Gives `tensor` a buffer of its own, with what is in its slice. */
  moveOut(tensor: TensorInfo): void {
    const from = this.bindingOf(tensor);
    const buffer = this.#acquire(from.size, tensor.shape);
    this.copy(from, asSlice(buffer));
    this.#inner.tensorMap.get(tensor.dataId as DataId).resource = buffer;
  }

  /** The slice that {@link moveInto} put `tensor` in, if any. */
  sliceOf(tensor: TensorInfo): BufferSlice | null {
    const { resource } = this.#inner.tensorMap.get(tensor.dataId as DataId);
    return resource && !(resource instanceof GPUBuffer) ? resource : null;
  }

  /** Replaces the float32 buffer of `tensor` by a float16 one, which `narrow` fills. */
  demote(tensor: Tensor, narrow: (full: BufferSlice, half: BufferSlice) => void): void {
    const half = this.allocate(tensor.shape, "float32", "float16");
    narrow(this.bindingOf(tensor), this.bindingOfOutput(half));
    this.replaceByHalf(tensor, half);
  }

  /** Gives `tensor` the float16 buffer of `half`, which is gone after. */
  replaceByHalf(tensor: Tensor, half: Tensor): void {
    const [data, taken] = [tensor, half].map(({ dataId }) => {
      return this.#inner.tensorMap.get(dataId as DataId);
    });
    this.pool.releaseBuffer(data.resource as GPUBuffer);
    data.resource = taken.resource;
    data.values = null;
    this.#halves.add(tensor.dataId as DataId);
    taken.resource = null;
    half.dispose();
  }

  copy(from: BufferSlice, to: BufferSlice): void {
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    this.#inner.commandEncoder!.copyBufferToBuffer(
      from.buffer,
      from.offset,
      to.buffer,
      to.offset,
      from.size,
    );
  }

  /** Fills a buffer with zeros. */
  clear({ buffer, offset, size }: BufferSlice): void {
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    this.#inner.commandEncoder!.clearBuffer(buffer, offset, size);
  }

  /** Records one dispatch; it runs when the queue is next submitted. */
  dispatch({ label, pipeline, bindings, uniform, grid }: Dispatch): void {
    const inner = this.#inner;
    const entries = bindings.map((resource, binding) => ({ binding, resource }));
    if (uniform) {
      const buffer = this.#uniformBuffer(uniform);
      entries.push({
        binding: bindings.length,
        resource: { buffer, offset: 0, size: buffer.size },
      });
    }
    const layout = pipeline.getBindGroupLayout(0);
    const group = this.device.createBindGroup({ label, layout, entries });
    this.ensureCommandEncoderReady();
    const pass = this.#passFor(label);
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
    this.dispatches++;
    if (++inner.dispatchCountInPass >= DISPATCHES_PER_SUBMIT) this.flush();
  }

  /** The open pass, or while profiling a new one. */
  #passFor(name: string): GPUComputePassEncoder {
    const inner = this.#inner;
    if (this.profiler !== null) {
      this.endComputePassEncoder();
      inner.computePassEncoder = this.profiler.beginPass(inner.commandEncoder!, name);
    }
    return inner.computePassEncoder ??= inner.commandEncoder!.beginComputePass();
  }

  /** Shapes and sizes recur every step, so buffers are kept by content and written once. */
  #uniformBuffer(content: ArrayBuffer): GPUBuffer {
    const key = new Uint32Array(content).join();
    let buffer = this.#uniforms.get(key);
    if (!buffer) {
      if (this.#uniforms.size >= 4096) this.#dropUniforms();
      const size = Math.ceil(content.byteLength / 16) * 16;
      buffer = this.device.createBuffer({ size, usage: UNIFORM_USAGE });
      this.device.queue.writeBuffer(buffer, 0, content);
      this.#uniforms.set(key, buffer);
    }
    return buffer;
  }

  #dropUniforms(): void {
    this.flush();
    for (const buffer of this.#uniforms.values()) buffer.destroy();
    this.#uniforms.clear();
  }

  /** Hands all recorded work to the GPU. */
  flush(): void {
    if (!this.#inner.commandEncoder) return;
    this.endComputePassEncoder();
    this.submitQueue();
  }

  override submitQueue(): void {
    super.submitQueue();
    this.pool.afterSubmission();
  }

  override runWebGPUProgram(
    ...given: Parameters<WebGPUBackend["runWebGPUProgram"]>
  ): ReturnType<WebGPUBackend["runWebGPUProgram"]> {
    this.dispatches++;
    if (this.profiler !== null) {
      this.ensureCommandEncoderReady();
      this.#passFor(`tfjs ${given[0].constructor.name}`);
    }
    const { kernel } = this;
    this.kernel ||= `tfjs ${given[0].constructor.name}`;
    try {
      return super.runWebGPUProgram(...given);
    } finally {
      this.kernel = kernel;
    }
  }

  override uploadToGPU(id: DataId): void {
    this.#prepare(id);
    const data = this.#inner.tensorMap.get(id);
    if (this.#halves.has(id)) this.#widen(id, data);
    if (data.resource) return;
    const bytes = tf.util.sizeFromShape(data.shape) * 4;
    if (bytes > this.device.limits.maxStorageBufferBindingSize) {
      this.#acquire(bytes, data.shape); // throws
    }
    this.#wanted = `${data.dtype} [${data.shape.join(", ")}]`;
    super.uploadToGPU(id);
    this.#wanted = null;
  }

  #widen(id: DataId, data: TensorData): void {
    const elements = tf.util.sizeFromShape(data.shape);
    const half = data.resource as GPUBuffer;
    const full = this.#acquire(elements * 4, data.shape);
    this.widen!(asSlice(half), asSlice(full));
    this.pool.releaseBuffer(half);
    this.#inner.commandQueueOwnedIds.add(id);
    data.resource = full;
    this.#halves.delete(id);
  }

  override async read(id: DataId): ReturnType<WebGPUBackend["read"]> {
    await this.faults.settle();
    this.#prepare(id);
    const data = this.#inner.tensorMap.get(id);
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
    const data = this.#inner.tensorMap.has(id) ? this.#inner.tensorMap.get(id) : null;
    const isLast = data !== null && (force || data.refCount <= 1);
    if (isLast) {
      this.deferrals.forget(id);
      this.onFreed?.(id);
      // tfjs would wait for the next submission. Whoever gets the buffer next writes it by work that
      // is recorded after all that reads it.
      this.#inner.commandQueueOwnedIds.delete(id);
    }
    if (isLast && data.resource && !(data.resource instanceof GPUBuffer)) {
      const slice = data.resource;
      data.resource = null;
      this.onSliceReleased?.(slice);
    }
    return super.disposeData(id, force);
  }

  override dispose(): void {
    this.faults.close();
    this.#dropUniforms();
    super.dispose();
    this.device.destroy();
  }
}

function asSlice(resource: GPUBuffer | BufferSlice): BufferSlice {
  if (!(resource instanceof GPUBuffer)) return resource;
  return { buffer: resource, offset: 0, size: resource.size };
}
