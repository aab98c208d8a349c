/**
 * tfjs' WebGPU backend on our own device, with dispatches of our own in its command stream.
 *
 * tfjs' programs have one output, read-only inputs and no float16. Pipelines of ours are recorded
 * into the same passes, in the same order.
 *
 * @module
 */

import { WebGPUBackend } from "../../deps/tfjs_webgpu.ts";
import { BufferAllocator } from "./buffer_allocator.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { DeviceFaults } from "./device_faults.ts";
import type { KernelProfiler } from "./kernel_profiler.ts";
import type { BufferSlice, Internals } from "./tfjs_internals.ts";
import { UniformBuffers } from "./uniform_buffers.ts";

/** A recorded dispatch: what {@link CommandRecorder.dispatch} needs. */
export interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  /** In the order of the shader's bindings; the uniform, if any, comes after them. */
  readonly bindings: readonly BufferSlice[];
  /** Contents of the uniform buffer, or null where the shader has none. */
  readonly uniform: ArrayBuffer | null;
  readonly grid: readonly [number, number, number];
}

/** Dispatches recorded before they are handed to the GPU; tfjs' own default is 15. */
const DISPATCHES_PER_SUBMIT = 32;

/** See the module's text. */
export class CommandRecorder extends WebGPUBackend {
  /** The kernel at work, for messages. */
  kernel = "";
  /** Times every dispatch while there is one. */
  profiler: KernelProfiler | null = null;
  /** Dispatches so far, tfjs' and our own. */
  dispatches = 0;
  protected readonly allocator: BufferAllocator;
  readonly #uniforms: UniformBuffers;

  constructor(device: GPUDevice, info: GPUAdapterInfo, limitBytes = Infinity) {
    super(device, info);
    this.allocator = new BufferAllocator(device, { limitBytes, kernel: () => this.kernel });
    this.#uniforms = new UniformBuffers(device, () => this.flush());
    this.internals.bufferManager = this.pool;
  }

  /** The buffers of tensors. */
  get pool(): BufferPool {
    return this.allocator.pool;
  }

  /** Bytes that one tensor may have. */
  get largestBytes(): number {
    return this.allocator.largestBytes;
  }

  get faults(): DeviceFaults {
    return this.allocator.faults;
  }

  protected get internals(): Internals {
    return this as unknown as Internals;
  }

  copy(from: BufferSlice, to: BufferSlice): void {
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    this.internals.commandEncoder!.copyBufferToBuffer(
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
    this.internals.commandEncoder!.clearBuffer(buffer, offset, size);
  }

  /** Records one dispatch; it runs when the queue is next submitted. */
  dispatch({ label, pipeline, bindings, uniform, grid }: Dispatch): void {
    const inner = this.internals;
    const entries = bindings.map((resource, binding) => ({ binding, resource }));
    if (uniform) {
      const buffer = this.#uniforms.of(uniform);
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
    const inner = this.internals;
    if (this.profiler !== null) {
      this.endComputePassEncoder();
      inner.computePassEncoder = this.profiler.beginPass(inner.commandEncoder!, name);
    }
    return inner.computePassEncoder ??= inner.commandEncoder!.beginComputePass();
  }

  /** Hands all recorded work to the GPU. */
  flush(): void {
    if (!this.internals.commandEncoder) return;
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

  override dispose(): void {
    this.faults.close();
    this.#uniforms.dispose();
    super.dispose();
    this.device.destroy();
  }
}
