/**
 * Switches tfjs' active backend and back, at once.
 *
 * @module
 */

import { tf } from "../deps/tfjs.ts";

/** What tfjs' engine keeps about its active backend. */
interface ActiveBackend {
  backendName: string | null;
  backendInstance: unknown;
  profiler: unknown;
}

function readActive(): ActiveBackend {
  const { backendName, backendInstance, profiler } = tf.engine() as unknown as ActiveBackend;
  return { backendName, backendInstance, profiler };
}

/** A tfjs backend that is registered under `name`. */
export class TfjsSlot {
  readonly name: string;
  readonly #own: ActiveBackend;

  private constructor(name: string, own: ActiveBackend) {
    this.name = name;
    this.#own = own;
  }

  /**
   * Starts the backend if it has not been.
   *
   * @returns null where it does not start
   */
  static async start(name: string): Promise<TfjsSlot | null> {
    const before = readActive();
    try {
      if (!await tf.setBackend(name)) return null;
      return new TfjsSlot(name, readActive());
    } finally {
      Object.assign(tf.engine(), before);
    }
  }

  /** Runs `work` with this backend active; nests. */
  run<T>(work: () => T): T {
    const before = readActive();
    Object.assign(tf.engine(), this.#own);
    try {
      return work();
    } finally {
      Object.assign(tf.engine(), before);
    }
  }

  /** Takes the backend from tfjs' registry and frees its tensors. */
  remove(): void {
    const before = readActive();
    tf.removeBackend(this.name);
    if (before.backendName !== this.name) Object.assign(tf.engine(), before);
  }
}

/** A name that no tfjs backend is registered under: `name`, or `name-2` and so on. */
export function freeBackendName(name: string): string {
  const { registryFactory } = tf.engine();
  if (!(name in registryFactory)) return name;
  let number = 2;
  while (`${name}-${number}` in registryFactory) number++;
  return `${name}-${number}`;
}
