/**
 * The `webgpu` backend: any GPU that WebGPU supports, from Deno and from a browser.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { UserError } from "../../core/errors.ts";
import type { MeasurementStore } from "../../core/measurement_store.ts";
import type { Backend, BackendMemory, Capabilities, KernelSpan } from "../backend.ts";
import type { Kernels } from "../kernels.ts";
import type { TfjsSlot } from "../tfjs/tfjs_slot.ts";
import {
  type AdapterOptions,
  type AdapterSummary,
  openDevice,
  requestAdapter,
  summarizeAdapter,
  type WebgpuImplementation,
} from "./adapter.ts";
import { chooseTilings } from "./products/choose_tilings.ts";
import { chooseUnits } from "./products/choose_units.ts";
import { chooseImplementation } from "./dawn/choose_implementation.ts";
import { isCached } from "./dawn/library_cache_ffi.ts";
import { dawnPackage } from "../../deps/dawn.ts";
import { createKernels, NO_UNITS_IN_USE, type UnitsInUse } from "./create_kernels.ts";
import { attentionTilingChoice } from "./kernels/attention/attention_tilings.ts";
import { chooseAttentionUnits } from "./kernels/attention/choose_attention_units.ts";
import { KernelProfiler } from "./kernel_profiler.ts";
import { registerRunner } from "./open_runner.ts";
import type { Runtime } from "./runtime.ts";
import { findSubgroups, SUBGROUPS } from "./shaders/subgroups.ts";

/** Options of {@link createWebgpuBackend}. */
export interface WebgpuOptions extends Omit<AdapterOptions, "implementation"> {
  /** Whose WebGPU to use. Default: `auto`: Dawn if that is here and brings matrix units. */
  readonly implementation?: "auto" | WebgpuImplementation;
  /**
   * Whether shaders may use the GPU's own float16 type; if it is missing or not wanted, float16
   * values are packed in pairs with the same results.
   */
  readonly float16?: boolean;
  /**
   * Whether float16 products and attention may use the GPU's matrix units, if they compute correctly.
   * Default: true, but not for a GPU that is emulated, whose compiler takes long over them.
   */
  readonly matrices?: boolean;
  /** Whether reductions may use subgroups, if the GPU has them; the results are the same. Default: true. */
  readonly subgroups?: boolean;
  /** Bytes that tensors may take; more is an OutOfMemoryError. Default: all of the GPU's memory. */
  readonly memoryLimitBytes?: number;
  /** Remembers which products were fastest on a GPU; default: for the lifetime of the process. */
  readonly measurements?: MeasurementStore;
}

/** The backend and what it runs on. */
export interface WebgpuBackend extends Backend {
  readonly adapter: AdapterSummary;
  /** What multiplies on matrix units. */
  readonly units: UnitsInUse;
  /** Kernels that were set aside, and other WebGPU implementations that were not used: one line each. */
  readonly notes: readonly string[];
  /** Threads that reductions treat as one subgroup; null if they use none. */
  readonly subgroupSize: number | null;
  /** Dispatches since the start, by our kernels and by tfjs'. */
  readonly dispatches: number;
  startProfile(): void;
  stopProfile(): Promise<KernelSpan[]>;
}

/**
 * Opens a GPU as an independent backend: other tfjs WebGPU backends in the process are not affected.
 *
 * @throws UserError if there is no adapter or it does not open; the message says what to install.
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
  const { implementation = "auto", ...rest } = options;
  const open = async (implementation: WebgpuImplementation) =>
    await openBackend(await requestAdapter({ ...rest, implementation }), options);
  if (implementation !== "auto") return await open(implementation);
  const own = await requestAdapter({ ...rest, implementation: "deno" });
  if (options.adapter !== undefined) return await openBackend(own, options);
  const { backend, notes } = await chooseImplementation<DeviceBackend>({
    hasGpu: globalThis.Deno !== undefined && !summarizeAdapter(own).isSoftware,
    isDawnHere: isCached(dawnPackage),
    openOwn: () => openBackend(own, options),
    openDawn: () => open("dawn"),
    usesMatrixUnits: ({ units: { products, attention } }) =>
      [products, attention].some(({ forward, backward }) => forward !== null || backward !== null),
    close: (backend) => backend.dispose(),
  });
  backend.notes.push(...notes);
  return backend;
}

async function openBackend(adapter: GPUAdapter, options: WebgpuOptions): Promise<DeviceBackend> {
  const unwanted: GPUFeatureName[] = [];
  if (options.float16 === false) unwanted.push("shader-f16");
  if (options.subgroups === false) unwanted.push(SUBGROUPS);
  const device = await openDevice(adapter, unwanted);
  // Matrix units bring subgroups with them.
  const subgroups = options.subgroups === false ? null : await findSubgroups(device, adapter.info);
  // tfjs would run ops on small tensors on the CPU, and then wait for the GPU at the next one.
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  const { runner, slot } = registerRunner(
    device,
    adapter.info,
    subgroups,
    options.memoryLimitBytes,
  );
  const summary = summarizeAdapter(adapter);
  const tilings = await chooseTilings(runner, summary, options);
  const attentionTilings = attentionTilingChoice(summary);
  const gpu = { runner, summary, info: adapter.info };
  let [units, notes]: [UnitsInUse, readonly string[]] = [NO_UNITS_IN_USE, []];
  if (options.matrices ?? !summary.isSoftware) {
    const { measurements } = options;
    const products = await chooseUnits({ ...gpu, tilings }, measurements);
    const attention = await chooseAttentionUnits(
      { ...gpu, tilings: attentionTilings },
      measurements,
    );
    units = { products: products.units, attention: attention.units };
    notes = [...products.notes, ...attention.notes];
  }
  const kernels = createKernels(runner, { tilings, attentionTilings, units });
  runner.runtime.dispatches = 0;
  return new DeviceBackend(slot, runner.runtime, {
    adapter: summary,
    units,
    notes: [...notes],
    subgroupSize: subgroups?.size ?? null,
    kernels,
  });
}

class DeviceBackend implements WebgpuBackend {
  readonly name = "webgpu";
  readonly adapter: AdapterSummary;
  readonly units: UnitsInUse;
  readonly notes: string[];
  readonly subgroupSize: number | null;
  readonly capabilities: Capabilities;
  readonly kernels: Kernels;
  readonly #slot: TfjsSlot;
  readonly #runtime: Runtime;

  constructor(
    slot: TfjsSlot,
    runtime: Runtime,
    { adapter, units, notes, subgroupSize, kernels }:
      & Pick<WebgpuBackend, "adapter" | "units" | "subgroupSize">
      & { notes: string[]; kernels: Kernels },
  ) {
    this.#slot = slot;
    this.#runtime = runtime;
    this.adapter = adapter;
    this.units = units;
    this.notes = notes;
    this.subgroupSize = subgroupSize;
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
    return this.#slot.run(work);
  }

  async sync(): Promise<void> {
    this.#runtime.flush();
    await this.#runtime.queue.onSubmittedWorkDone();
    await this.#runtime.faults.settle();
  }

  startProfile(): void {
    const { device } = this.#runtime;
    if (!device.features.has("timestamp-query")) {
      throw new UserError(
        `Cannot profile: ${this.adapter.description} does not support timestamps`,
      );
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
    this.#slot.remove();
  }
}
