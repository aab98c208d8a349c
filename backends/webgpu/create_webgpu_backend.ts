/**
 * The `webgpu` backend: any GPU that WebGPU reaches, from Deno and from a browser.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { UserError } from "../../core/errors.ts";
import type { MeasurementStore } from "../../core/measurement_store.ts";
import type { Backend, BackendMemory, Capabilities, KernelSpan } from "../backend.ts";
import type { Kernels } from "../kernels.ts";
import {
  type AdapterOptions,
  type AdapterSummary,
  openDevice,
  requestAdapter,
  summarizeAdapter,
} from "./adapter.ts";
import { chooseTilings } from "./products/choose_tilings.ts";
import { createKernels } from "./create_kernels.ts";
import { attentionTilingChoice } from "./kernels/attention/attention_tilings.ts";
import { KernelProfiler } from "./kernel_profiler.ts";
import { registerRunner } from "./open_runner.ts";
import type { Runtime } from "./runtime.ts";

/** What {@link createWebgpuBackend} may be told. */
export interface WebgpuOptions extends AdapterOptions {
  /**
   * Whether shaders may use the GPU's own float16 type; where it is absent or not wanted, float16
   * values are packed in pairs with the same results.
   */
  readonly float16?: boolean;
  /** Bytes that tensors may take; more is an OutOfMemoryError. Default: what the GPU has. */
  readonly memoryLimitBytes?: number;
  /** Keeps which products were fastest on a GPU; default: as long as the process lives. */
  readonly measurements?: MeasurementStore;
}

/** The backend and what it runs on. */
export interface WebgpuBackend extends Backend {
  readonly adapter: AdapterSummary;
  /** Dispatches since the start, of our kernels and of tfjs'. */
  readonly dispatches: number;
  startProfile(): void;
  stopProfile(): Promise<KernelSpan[]>;
}

/** What tfjs keeps about the active backend; restored after each {@link Backend.run}. */
interface ActiveBackend {
  backendName: string | null;
  backendInstance: unknown;
  profiler: unknown;
}

let created = 0;

/**
 * Opens a GPU as a backend of its own: other WebGPU backends of tfjs in the process are not touched.
 *
 * @throws UserError where there is no adapter or it does not open; the message says what to install.
 *
 * @example
 * ```ts
 * import { tf } from "../../deps/tfjs.ts";
 * import { createWebgpuBackend } from "./create_webgpu_backend.ts";
 * const backend = await createWebgpuBackend().catch(() => null); // no GPU here: nothing to show
 * if (backend) {
 *   const sum = backend.run(() => tf.add(1, 2));
 *   if ((await sum.data())[0] !== 3) throw new Error("wrong sum");
 *   await backend.dispose();
 * }
 * ```
 */
export async function createWebgpuBackend(options: WebgpuOptions = {}): Promise<WebgpuBackend> {
  const adapter = await requestAdapter(options);
  const device = await openDevice(adapter, options.float16 === false ? ["shader-f16"] : []);
  // tfjs would run ops on small tensors on the processor, and then wait for the GPU at the next one.
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  const name = created++ === 0 ? "mimic-webgpu" : `mimic-webgpu-${created}`;
  const runner = registerRunner(name, device, adapter.info, options.memoryLimitBytes);
  const summary = summarizeAdapter(adapter);
  const tilings = await chooseTilings(runner, summary, options);
  const attention = attentionTilingChoice(summary);
  const kernels = createKernels(runner, { tilings, attention });
  runner.runtime.dispatches = 0;
  return new DeviceBackend(name, runner.runtime, { adapter: summary, kernels });
}

class DeviceBackend implements WebgpuBackend {
  readonly name = "webgpu";
  readonly adapter: AdapterSummary;
  readonly capabilities: Capabilities;
  readonly kernels: Kernels;
  #tfjsName: string;
  #runtime: Runtime;
  #engine = tf.engine() as unknown as ActiveBackend;
  #own: ActiveBackend | null = null;

  constructor(
    tfjsName: string,
    runtime: Runtime,
    { adapter, kernels }: { adapter: AdapterSummary; kernels: Kernels },
  ) {
    this.#tfjsName = tfjsName;
    this.#runtime = runtime;
    this.adapter = adapter;
    this.kernels = kernels;
    this.capabilities = {
      reducedPrecisions: ["float16"],
      threads: 1,
      halvesActivations: true,
      maxBufferBytes: runtime.largestBytes,
      description: adapter.description,
    };
  }

  get dispatches(): number {
    return this.#runtime.dispatches;
  }

  run<T>(work: () => T): T {
    this.#runtime.faults.check();
    const { backendName, backendInstance, profiler } = this.#engine;
    if (this.#own) Object.assign(this.#engine, this.#own);
    else this.#activate();
    try {
      return work();
    } finally {
      Object.assign(this.#engine, { backendName, backendInstance, profiler });
    }
  }

  /** The first activation goes through tfjs, which runs its kernels' set-up. */
  #activate(): void {
    // Synchronous in fact: the factory returns an instance, not a promise.
    tf.setBackend(this.#tfjsName);
    const { backendName, backendInstance, profiler } = this.#engine;
    this.#own = { backendName, backendInstance, profiler };
  }

  async sync(): Promise<void> {
    this.#runtime.flush();
    await this.#runtime.queue.onSubmittedWorkDone();
    await this.#runtime.faults.settle();
  }

  startProfile(): void {
    const { device } = this.#runtime;
    if (!device.features.has("timestamp-query")) {
      throw new UserError(`Cannot profile: ${this.adapter.description} takes no timestamps`);
    }
    this.#runtime.profiler = new KernelProfiler(device);
  }

  async stopProfile(): Promise<KernelSpan[]> {
    const { profiler } = this.#runtime;
    if (profiler === null) throw new Error("No profile was started");
    this.#runtime.profiler = null;
    await this.sync();
    return await profiler.finish();
  }

  memory(): BackendMemory {
    // Buffers of freed tensors return to the pool when the work that uses them is submitted.
    this.#runtime.flush();
    const { pool } = this.#runtime;
    return {
      tensors: this.#runtime.numDataIds(),
      bytes: pool.numBytesUsed,
      reservedBytes: pool.numBytesAllocated,
      peakBytes: pool.peakBytesUsed,
    };
  }

  async dispose(): Promise<void> {
    await this.sync().catch(() => {}); // a lost device is disposed of all the same
    const { backendName, backendInstance, profiler } = this.#engine;
    const wasActive = backendName === this.#tfjsName;
    tf.removeBackend(this.#tfjsName);
    if (!wasActive) Object.assign(this.#engine, { backendName, backendInstance, profiler });
  }
}
