/**
 * The `cpu` backend: tfjs' JavaScript backend with its tensors in one shared memory, fused kernels
 * emitted at start as WebAssembly SIMD, and threads.
 *
 * @module
 */

import type { Backend, BackendMemory, Capabilities, KernelSpan } from "../backend.ts";
import { TfjsSlot } from "../tfjs/tfjs_slot.ts";
import { createFusedKernels, encodePortableKernels } from "./kernels/kernel_table.ts";
import { Arena } from "./memory/arena.ts";
import { type ArenaMemory, createArenaMemory } from "./memory/arena_memory.ts";
import { isFasterWithMoreLoads } from "./providers/choose_loads.ts";
import {
  chooseProvider,
  type ChosenProvider,
  type ProviderOptions,
} from "./providers/choose_provider.ts";
import { hasWideTilings } from "./providers/choose_tiling.ts";
import { tilingOf } from "./providers/foreign_kernels.ts";
import { formatsOf } from "./providers/time_providers.ts";
import type { Runtime } from "./runtime.ts";
import { ArenaBackend } from "./tfjs/arena_backend.ts";
import { replaceTfjsKernels } from "./tfjs/replace_kernels.ts";
import { findStartWorker } from "./threads/start_worker.ts";
import type { KernelTable } from "./threads/job.ts";
import { ThreadPool } from "./threads/thread_pool.ts";
import { instantiateKernels } from "./wasm/instantiate_kernels.ts";

/** At most this many threads per processor, though a small machine may always have `leastCap`. */
const threadsPerProcessor = 4;
const leastCap = 16;

/** Options of {@link createCpuBackend}. */
export interface CpuBackendOptions extends ProviderOptions {
  /** Threads, the calling one included; by default as many as the processor has. */
  threads?: number;
  /** Upper limit of the memory for tensors; 16 GiB, or 4 GiB on engines with 32-bit memories. */
  maximumBytes?: number;
  /**
   * Whether WebAssembly's products take more loads and fewer shuffles, with the same bits; meant for
   * processors that do both shuffles and multiplications in the same place. Default: what was measured to be
   * faster on this processor; false in browsers, where nothing is timed.
   */
  loadsMore?: boolean;
  /** Kernels with at least this many multiplications are divided among threads. */
  sharedWork?: number;
}

class CpuBackend implements Backend {
  readonly name = "cpu";
  readonly capabilities: Capabilities;
  readonly kernels: Backend["kernels"];
  readonly #runtime: Runtime;
  readonly #slot: TfjsSlot;
  #spans: KernelSpan[] = [];

  constructor(runtime: Runtime, slot: TfjsSlot, capabilities: Capabilities) {
    this.#runtime = runtime;
    this.#slot = slot;
    this.capabilities = capabilities;
    this.kernels = createFusedKernels(runtime);
  }

  run<T>(work: () => T): T {
    return this.#slot.run(work);
  }

  startProfile(): void {
    const spans: KernelSpan[] = [];
    this.#spans = spans;
    this.#runtime.pool.onSpan = (span) => spans.push(span);
  }

  stopProfile(): Promise<KernelSpan[]> {
    this.#runtime.pool.onSpan = null;
    return Promise.resolve(this.#spans);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  memory(): BackendMemory {
    const { arena } = this.#runtime.tensors;
    return {
      tensors: this.#runtime.tensors.numDataIds(),
      bytes: arena.usedBytes,
      reservedBytes: arena.buffer.byteLength,
      peakBytes: arena.peakBytes,
    };
  }

  dispose(): Promise<void> {
    this.#runtime.pool.dispose();
    this.#slot.remove();
    return Promise.resolve();
  }
}

/**
 * Starts the backend; takes a few milliseconds, and at the first start on a processor a few tenths of a
 * second to find out which kernels are fastest on it. Threads start with the first kernel that is large
 * enough, and end with {@link Backend.dispose} or the process.
 *
 * @example
 * ```ts
 * import { createCpuBackend } from "./create_cpu_backend.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createCpuBackend({ threads: 1 });
 * const sum = backend.run(() => tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0]);
 * if (sum !== 6) throw new Error(`expected 6, found ${sum}`);
 * await backend.dispose();
 * ```
 */
export async function createCpuBackend(options: CpuBackendOptions = {}): Promise<Backend> {
  const processors = (globalThis.navigator as Navigator | undefined)?.hardwareConcurrency ?? 1;
  const wanted = Math.max(1, Math.floor(options.threads ?? processors));
  // More would only wait for each other, and thousands take minutes to start.
  const threads = Math.min(wanted, Math.max(leastCap, threadsPerProcessor * processors));
  const memory = createArenaMemory({ maximumBytes: options.maximumBytes });
  const arena = new Arena(memory);
  const usual = await openPortable(memory, options.loadsMore ?? false);
  const provider = await chooseProvider({ arena, ...usual }, options);
  const loadsMore = options.loadsMore ?? await wantsMoreLoads(provider, arena, memory, options);
  const { bytes, module, wasmKernels } = await openPortable(memory, loadsMore, usual);
  options.dumpKernels?.("kernels.wasm", bytes);
  arena.forgetPeak();
  const kernels = { ...wasmKernels, ...provider.kernels };
  const startWorker = memory.isShared && threads > 1 ? await findStartWorker() : null;
  const tools = { kernels, tile: tilingOf(provider.foreign) };
  const pool = new ThreadPool({ arena, module, foreign: provider.foreign, ...tools }, startWorker, {
    threads: Math.min(threads, provider.mostThreads),
    sharedWork: options.sharedWork,
  });
  const runtime = { tensors: new ArenaBackend(arena, pool), pool };
  const slot = TfjsSlot.register("mimic-cpu", runtime.tensors, {
    kernelsOf: "cpu",
    addKernels: replaceTfjsKernels,
  });
  return new CpuBackend(runtime, slot, {
    reducedPrecisions: formatsOf(kernels).filter((format) => format !== "float32"),
    threads: pool.threads,
    maxBufferBytes: memory.maximumBytes,
    memoryBytes: memory.maximumBytes,
    isHostMemory: true,
    kernels: {
      provider: provider.name,
      key: provider.key,
      times: provider.times,
      ...productsOf(provider, loadsMore),
    },
    description: `${provider.description}, ${pool.threads} thread${pool.threads === 1 ? "" : "s"}`,
  });
}

interface Portable {
  readonly loadsMore: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly module: WebAssembly.Module;
  readonly wasmKernels: KernelTable;
}

/** The WebAssembly kernels; `known` if those are the ones. */
async function openPortable(
  memory: ArenaMemory,
  loadsMore: boolean,
  known?: Portable,
): Promise<Portable> {
  if (known?.loadsMore === loadsMore) return known;
  const bytes = encodePortableKernels(memory, loadsMore);
  const module = await WebAssembly.compile(bytes);
  return { loadsMore, bytes, module, wasmKernels: instantiateKernels(module, memory.memory) };
}

/** Measured only where WebAssembly computes the products, and not in browsers. */
async function wantsMoreLoads(
  { name, key }: ChosenProvider,
  arena: Arena,
  memory: ArenaMemory,
  { measurements }: ProviderOptions,
): Promise<boolean> {
  if (name !== "wasm" || !("Deno" in globalThis)) return false;
  return await isFasterWithMoreLoads({ arena, memory, key, measurements });
}

/** How products are computed, where there are several ways to the same bits. */
function productsOf(provider: ChosenProvider, loadsMore: boolean): { products?: string } {
  if (provider.name === "wasm") return { products: loadsMore ? "more loads" : "more shuffles" };
  return hasWideTilings(provider) ? { products: tilingOf(provider.foreign).name } : {};
}
