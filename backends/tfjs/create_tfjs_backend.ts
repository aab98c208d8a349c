/**
 * Any backend registered with tfjs, using the plain compositions.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { UserError } from "../../core/errors.ts";
import { tfjsBackendNames, TfjsSlot } from "./tfjs_slot.ts";
import type { Backend, BackendMemory, Capabilities } from "../backend.ts";
import type { Kernels } from "../kernels.ts";

class TfjsBackend implements Backend {
  readonly name: string;
  readonly kernels: Partial<Kernels> = {};
  readonly capabilities: Capabilities;
  readonly #slot: TfjsSlot;

  constructor(slot: TfjsSlot) {
    this.#slot = slot;
    this.name = `tfjs:${slot.name}`;
    this.capabilities = {
      reducedPrecisions: [],
      threads: 1,
      maxBufferBytes: 2 ** 31,
      description: `the "${slot.name}" backend of TensorFlow.js`,
    };
  }

  run<T>(work: () => T): T {
    return this.#slot.run(work);
  }

  /** tfjs has no call for this; once a value can be read, it has been computed. */
  async sync(): Promise<void> {
    const last = this.run(() => tf.tidy(() => tf.add(tf.ones([1]), 1)));
    await last.data();
    last.dispose();
  }

  memory(): BackendMemory {
    const { numBytes } = tf.memory();
    const tensors = this.run(() => tf.backend().numDataIds());
    return { tensors, bytes: numBytes, reservedBytes: numBytes, peakBytes: null };
  }

  /** The backend stays registered: it was not registered here. */
  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

/** @throws UserError if tfjs has no such backend, or it does not start */
export async function createTfjsBackend(name: string): Promise<Backend> {
  const known = tfjsBackendNames();
  if (!known.includes(name)) {
    throw new UserError(`Cannot start backend "tfjs:${name}": tfjs has ${known.join(", ")}`, {
      hint: "import the package that registers it first",
    });
  }
  const slot = await TfjsSlot.start(name);
  if (slot === null) throw new UserError(`Cannot start backend "tfjs:${name}": tfjs could not`);
  return new TfjsBackend(slot);
}
