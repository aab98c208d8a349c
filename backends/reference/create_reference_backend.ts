/**
 * The `reference` backend: tfjs' plain JavaScript kernels and the plain compositions of the ops. Slow, and
 * simple enough to be trusted; reduced precision is emulated by rounding.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { MathBackendCPU } from "../../deps/tfjs_cpu.ts";
import { TfjsSlot } from "../tfjs/tfjs_slot.ts";
import type { Backend, BackendMemory, Capabilities } from "../backend.ts";
import type { Kernels } from "../kernels.ts";
import { roundKernel } from "./round_kernel.ts";

/** tfjs' backend, with a count of the bytes it holds. */
class CountingBackend extends MathBackendCPU {
  bytes = 0;
  peakBytes = 0;

  #count(values: unknown): void {
    this.bytes += byteLength(values);
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  override write(...args: Parameters<MathBackendCPU["write"]>): object {
    this.#count(args[0]);
    return super.write(...args);
  }

  override move(...args: Parameters<MathBackendCPU["move"]>): void {
    this.#count(args[1]);
    super.move(...args);
  }

  override disposeData(dataId: object, force = false): boolean {
    const held = this.data.has(dataId) ? byteLength(this.data.get(dataId).values) : 0;
    const isGone = super.disposeData(dataId, force);
    if (isGone) this.bytes -= held;
    return isGone;
  }
}

/** Strings are lists of bytes and do not count. */
function byteLength(values: unknown): number {
  return ArrayBuffer.isView(values) ? values.byteLength : 0;
}

class ReferenceBackend implements Backend {
  readonly name = "reference";
  readonly kernels: Partial<Kernels> = {};
  readonly capabilities: Capabilities = {
    reducedPrecisions: ["float16", "bfloat16"],
    threads: 1,
    maxBufferBytes: 2 ** 32,
    isHostMemory: true,
    description: "plain JavaScript on one thread, reduced precision emulated",
  };
  readonly #slot: TfjsSlot;
  readonly #tensors: CountingBackend;

  constructor(slot: TfjsSlot, tensors: CountingBackend) {
    this.#slot = slot;
    this.#tensors = tensors;
  }

  run<T>(work: () => T): T {
    return this.#slot.run(work);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  memory(): BackendMemory {
    const { bytes, peakBytes } = this.#tensors;
    return { tensors: this.#tensors.numDataIds(), bytes, reservedBytes: bytes, peakBytes };
  }

  dispose(): Promise<void> {
    this.#slot.remove();
    return Promise.resolve();
  }
}

/**
 * Starts an independent reference backend: several may be used side by side.
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "./create_reference_backend.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * const sum = backend.run(() => tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0]);
 * if (sum !== 6) throw new Error(`expected 6, found ${sum}`);
 * await backend.dispose();
 * ```
 */
export function createReferenceBackend(): Promise<Backend> {
  const tensors = new CountingBackend();
  const slot = TfjsSlot.register("mimic-reference", tensors, {
    kernelsOf: "cpu",
    addKernels: (backendName) => tf.registerKernel({ ...roundKernel, backendName }),
  });
  return Promise.resolve(new ReferenceBackend(slot, tensors));
}
