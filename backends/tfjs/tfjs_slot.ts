/**
 * Switches tfjs' active backend and back, synchronously.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { type ActiveBackend, engine } from "./engine.ts";

type KernelBackend = ReturnType<typeof tf.backend>;

function readActive(): ActiveBackend {
  const { backendName, backendInstance, profiler } = engine();
  return { backendName, backendInstance, profiler };
}

/** How {@link TfjsSlot.register} registers a backend. */
export interface Registration {
  /** The tfjs backend whose kernels it has. */
  readonly kernelsOf: "cpu" | "webgpu";
  /** Registers or replaces kernels under `name`; they stay there and must hold no state. */
  readonly addKernels?: (name: string) => void;
}

/** A tfjs backend that is registered under `name`. */
export class TfjsSlot {
  readonly name: string;
  readonly #own: ActiveBackend;

  private constructor(name: string, own: ActiveBackend) {
    this.name = name;
    this.#own = own;
  }

  /** Registers a custom backend with tfjs, under a free name that starts with `name`. */
  static register(
    name: string,
    backend: KernelBackend,
    { kernelsOf, addKernels }: Registration,
  ): TfjsSlot {
    const free = freeBackendName(name);
    tf.registerBackend(free, () => backend, 0);
    // Kernels stay registered under a name that was used before.
    if (tf.getKernelsForBackend(free).length === 0) {
      tf.copyRegisteredKernels(kernelsOf, free);
      addKernels?.(free);
    }
    const before = readActive();
    // Not awaited: the backend exists, so it is active immediately, and others may start in the meantime.
    void tf.setBackend(free);
    const own = readActive();
    Object.assign(engine(), before);
    if (own.backendInstance !== backend) {
      throw new Error(`Cannot start the tfjs backend "${free}": tfjs did not make it active`);
    }
    return new TfjsSlot(free, own);
  }

  /**
   * Starts a backend that others have registered, unless it has already been started.
   *
   * @returns null if it does not start
   */
  static async start(name: string): Promise<TfjsSlot | null> {
    const before = readActive();
    try {
      if (!await tf.setBackend(name)) return null;
      return new TfjsSlot(name, readActive());
    } finally {
      Object.assign(engine(), before);
    }
  }

  /** Makes this backend the active one until another is. */
  activate(): void {
    Object.assign(engine(), this.#own);
  }

  /** Runs `work` with this backend active; calls may be nested. */
  run<T>(work: () => T): T {
    const before = readActive();
    this.activate();
    try {
      return work();
    } finally {
      Object.assign(engine(), before);
    }
  }

  /** Removes the backend from tfjs' registry and frees its tensors. */
  remove(): void {
    const before = readActive();
    tf.removeBackend(this.name);
    if (before.backendName !== this.name) Object.assign(engine(), before);
  }
}

/** The names of all backends registered with tfjs. */
export function tfjsBackendNames(): string[] {
  return Object.keys(engine().registryFactory);
}

/** `name`, or `name-2` and so on if tfjs already has that. */
export function freeBackendName(name: string): string {
  const taken = new Set(tfjsBackendNames());
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}-${number}`;
  return free;
}
