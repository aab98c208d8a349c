/**
 * Starts a backend by name.
 *
 * @module
 */

import { messageOf, UserError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { MeasurementStore } from "../core/measurement_store.ts";
import type { Backend } from "./backend.ts";

export type {
  Backend,
  BackendMemory,
  Capabilities,
  Context,
  KernelChoice,
  Precision,
} from "./backend.ts";

/** Names that {@link createBackend} knows; `tfjs:<name>` is any backend registered with tfjs. */
export type BackendName = "auto" | "reference" | "cpu" | "webgpu" | `tfjs:${string}`;

/** Options of {@link createBackend}; each backend uses those that apply to it. */
export interface BackendOptions {
  /** Threads of `cpu`; default, also for null: as many as the processor has. */
  readonly threads?: number | null;
  /** Which GPU `webgpu` uses; default: `high-performance`. */
  readonly powerPreference?: GPUPowerPreference;
  /** Whose WebGPU `webgpu` runs on. Default: `auto`. */
  readonly implementation?: "auto" | "deno" | "dawn";
  /** What multiplies matrices on `cpu`. Default: `auto`. */
  readonly provider?:
    | "auto"
    | "wasm"
    | "blas"
    | "native"
    | "native-avx2"
    | "native-avx512"
    | "native-amx";
  /** Called with the code that `cpu` generates. */
  readonly dumpKernels?: (name: string, bytes: Uint8Array) => void;
  /** Bytes that tensors may take on `webgpu`; more is an OutOfMemoryError. */
  readonly memoryLimitBytes?: number;
  /** Keeps what `webgpu` measures about a GPU, and `cpu` about a processor. Default: for the lifetime of the process. */
  readonly measurements?: MeasurementStore;
}

/** A started backend. */
export interface StartedBackend {
  /** Ready to compute; dispose of it after use. */
  readonly backend: Backend;
  /** Why others, which `auto` would have preferred, did not start: one line each. */
  readonly notes: string[];
}

const names = ["auto", "reference", "cpu", "webgpu"];

/**
 * Starts a backend. `auto` is `webgpu` if there is a real GPU, otherwise `cpu`: a GPU emulated on the CPU is
 * slower than the CPU itself.
 *
 * @throws UserError for an unknown name or a backend that does not start on this machine
 *
 * @example
 * ```ts
 * import { createBackend } from "./mod.ts";
 * const { backend } = await createBackend("reference");
 * if (backend.name !== "reference") throw new Error(backend.name);
 * await backend.dispose();
 * ```
 */
export async function createBackend(
  name: BackendName,
  options: BackendOptions = {},
): Promise<StartedBackend> {
  if (name.startsWith("tfjs:")) {
    const { createTfjsBackend } = await import("./tfjs/create_tfjs_backend.ts");
    return { backend: await createTfjsBackend(name.slice("tfjs:".length)), notes: [] };
  }
  switch (name) {
    case "auto":
      return await startBest(options);
    case "reference": {
      const { createReferenceBackend } = await import("./reference/mod.ts");
      return { backend: await createReferenceBackend(), notes: [] };
    }
    case "cpu":
      return { backend: await startCpu(options), notes: [] };
    case "webgpu": {
      const { createWebgpuBackend } = await import("./webgpu/mod.ts");
      const backend = await createWebgpuBackend(options);
      return { backend, notes: [...backend.notes] };
    }
  }
  const similar = nearest(name, names);
  throw new UserError(
    `Cannot start backend "${name}": expected ${names.join(", ")} or tfjs:<name>`,
    {
      hint: similar === undefined ? undefined : `did you mean "${similar}"?`,
    },
  );
}

async function startCpu({ threads, ...options }: BackendOptions): Promise<Backend> {
  const { createCpuBackend } = await import("./cpu/mod.ts");
  return await createCpuBackend({ ...options, threads: threads ?? undefined });
}

async function startBest(options: BackendOptions): Promise<StartedBackend> {
  const notes: string[] = [];
  try {
    const { createWebgpuBackend } = await import("./webgpu/mod.ts");
    const backend = await createWebgpuBackend(options);
    if (!backend.adapter.isSoftware) return { backend, notes: [...backend.notes] };
    const { description } = backend.adapter;
    await backend.dispose();
    // Its code should not be loaded by anyone who does not want such a device.
    const name = description.replace(/ \(.*\)$/, "");
    notes.push(`webgpu not used: ${name} is not a GPU; --backend webgpu takes it anyway`);
  } catch (error) {
    notes.push(`webgpu not used: ${messageOf(error)}`);
  }
  return { backend: await startCpu(options), notes };
}
