/**
 * tfjs' WebGPU backend on our own device, with our own dispatches in its command stream.
 *
 * tfjs' programs have one output, read-only inputs and no float16. Our pipelines are recorded into
 * the same passes, in order.
 *
 * @module
 */

import type { WebGPUBackend } from "../../deps/tfjs_webgpu.ts";
import { BindGroups } from "./bind_groups.ts";
import { BufferAllocator } from "./buffer_allocator.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { DeviceFaults } from "./device_faults.ts";
import type { KernelProfiler } from "./kernel_profiler.ts";
import { type BufferSlice, WebgpuTensors } from "../tfjs/webgpu_tensors.ts";
import { UniformBuffers } from "./uniform_buffers.ts";

/** A recorded dispatch: what {@link CommandRecorder.dispatch} needs. */
export interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  /** In the order of the shader's bindings; the uniform, if any, comes after them. */
  readonly bindings: readonly BufferSlice[];
  /** Contents of the uniform buffer, or null if the shader has none. */
  readonly uniform: ArrayBuffer | null;
  readonly grid: readonly [number, number, number];
}

/** Dispatches recorded before they are submitted to the GPU; tfjs' own default is 15. */
const DISPATCHES_PER_SUBMIT = 32;

/** See the module's text. */
export class CommandRecorder extends WebgpuTensors {
  /** The running kernel, for messages. */
  kernel = "";
  /** Times every dispatch while it is set. */
  profiler: KernelProfiler | null = null;
  /** Dispatches so far, tfjs' and our own. */
  dispatches = 0;
  protected readonly allocator: BufferAllocator;
  readonly #uniforms: UniformBuffers;
  readonly #bindGroups: BindGroups;

  constructor(device: GPUDevice, info: GPUAdapterInfo, limitBytes = Infinity) {
    super(device, info);
    this.allocator = new BufferAllocator(device, { limitBytes, kernel: () => this.kernel });
    this.#uniforms = new UniformBuffers(device, () => this.flush());
    this.#bindGroups = new BindGroups(device);
    this.useBufferPool(this.pool);
  }

  /** The buffers of tensors. */
  get pool(): BufferPool {
    return this.allocator.pool;
  }

  /** Maximum bytes for one tensor. */
  get largestBytes(): number {
    return this.allocator.largestBytes;
  }

  get faults(): DeviceFaults {
    return this.allocator.faults;
  }

  copy(from: BufferSlice, to: BufferSlice): void {
    this.encoderOutsidePass()
      .copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, from.size);
  }

  /** Fills a buffer with zeros. */
  clear({ buffer, offset, size }: BufferSlice): void {
    this.encoderOutsidePass().clearBuffer(buffer, offset, size);
  }

  /** Records one dispatch; it runs when the queue is next submitted. */
  dispatch({ label, pipeline, bindings, uniform, grid }: Dispatch): void {
    const slices = [...bindings];
    if (uniform) {
      const buffer = this.#uniforms.of(uniform);
      slices.push({ buffer, offset: 0, size: buffer.size });
    }
    const group = this.#bindGroups.of(label, pipeline, slices);
    this.#profile(label);
    const pass = this.openPass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
    this.dispatches++;
    if (this.countDispatch() >= DISPATCHES_PER_SUBMIT) this.flush();
  }

  /** While profiling, every dispatch has its own pass. */
  #profile(name: string): void {
    const { profiler } = this;
    if (profiler !== null) this.replacePass((encoder) => profiler.beginPass(encoder, name));
  }

  /** Submits all recorded work to the GPU. */
  flush(): void {
    if (!this.isRecording) return;
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
    this.#profile(`tfjs ${given[0].constructor.name}`);
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
