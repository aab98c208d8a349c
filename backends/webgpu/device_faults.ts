/**
 * What a device reports, later than it happens, as errors that say what was going on.
 *
 * WebGPU does not throw when memory runs out or the device is lost: the call that caused it returns, and an
 * event or a promise reports it only after later calls. Here the first cause is kept, along with the allocation
 * it belongs to, and thrown at the next opportunity.
 *
 * @module
 */

import { DeviceLostError, isDeviceFault, messageOf, OutOfMemoryError } from "../../core/errors.ts";

/** A buffer that is being created. */
export interface Allocation {
  /** What it is for: `attention, float32 [64, 197, 768]`. */
  readonly label: string;
  readonly bytes: number;
}

/** How long a failed call waits for the device's own reason, in milliseconds. */
const PATIENCE = 200;

/** Watches over one device. */
export class DeviceFaults {
  readonly #device: GPUDevice;
  readonly #allocatedBytes: () => number;
  readonly #lost: Promise<void>;
  /** Buffers for which the device has not yet confirmed that there was enough memory. */
  readonly #undecided = new Set<Promise<void>>();
  #fault: Error | null = null;
  #latest: Allocation | null = null;
  #isClosing = false;

  /** @param allocatedBytes what the device's buffers currently hold */
  constructor(device: GPUDevice, allocatedBytes: () => number) {
    this.#device = device;
    this.#allocatedBytes = allocatedBytes;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#report(this.#describe((event as GPUUncapturedErrorEvent).error));
    });
    this.#lost = device.lost.then((reason) => {
      if (!this.#isClosing) this.#report(this.#deviceLost(reason));
    });
  }

  /**
   * Creates a buffer, and remembers whose it is until the device has confirmed that it has the
   * memory.
   *
   * @throws OutOfMemoryError if that is known immediately
   */
  createBuffer(allocation: Allocation, descriptor: GPUBufferDescriptor): GPUBuffer {
    this.#latest = allocation;
    const heldBefore = this.#allocatedBytes();
    this.#device.pushErrorScope("out-of-memory");
    try {
      return this.#device.createBuffer(descriptor);
    } catch (error) {
      // Only a buffer that is mapped at once fails like this.
      if (!(error instanceof RangeError)) throw error;
      throw this.outOfMemory(allocation, error.message, heldBefore);
    } finally {
      const decided = this.#device.popErrorScope().then((error) => {
        if (error === null) return;
        this.#report(this.outOfMemory(allocation, error.message, heldBefore));
      }, () => {}).finally(() => this.#undecided.delete(decided));
      this.#undecided.add(decided);
    }
  }

  /** The error for an allocation that failed; `reason` comes from whoever refused it. */
  outOfMemory(
    { label, bytes }: Allocation,
    reason: string,
    heldBytes = this.#allocatedBytes(),
  ): OutOfMemoryError {
    return new OutOfMemoryError(
      `Cannot allocate ${mebibytes(bytes)} on the GPU for ${label}: ` +
        `${mebibytes(heldBytes)} are allocated, ${reason}`,
    );
  }

  /** Throws what the device has reported so far, if anything. */
  check(): void {
    const isKnown = isDeviceFault(this.#fault) || this.#undecided.size === 0;
    // A buffer that could not be allocated makes every later use of it invalid: its own error is on
    // its way.
    if (this.#fault !== null && isKnown) throw this.#fault;
  }

  /** Like {@link check}, once all allocations so far are decided. */
  async settle(): Promise<void> {
    await Promise.all(this.#undecided);
    this.check();
  }

  /**
   * The reason for a failed call: what the device reports about it within a moment, otherwise `error` itself.
   */
  async explain(error: unknown): Promise<unknown> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, PATIENCE));
    await Promise.race([Promise.all([this.#lost, ...this.#undecided]), patience]);
    clearTimeout(timer);
    return this.#fault ?? error;
  }

  /** From now on, losing the device is not a fault. */
  close(): void {
    this.#isClosing = true;
  }

  /** Keeps the first fault; a cause replaces its consequences. */
  #report(fault: Error): void {
    const takesPlace = isDeviceFault(fault) && !isDeviceFault(this.#fault);
    if (this.#fault === null || takesPlace) this.#fault = fault;
  }

  #describe(error: GPUError): Error {
    const text = messageOf(error).split("\n").map((line) => line.trim()).filter(Boolean).join(" ");
    if (!/out.?of.?memory|not enough memory/i.test(`${error.constructor.name} ${text}`)) {
      return new Error(`WebGPU: ${text}`);
    }
    const latest = this.#latest ?? { label: "its first buffer", bytes: 0 };
    return this.outOfMemory({ ...latest, label: `work after ${latest.label}` }, text);
  }

  #deviceLost({ message, reason }: GPUDeviceLostInfo): DeviceLostError {
    const latest = this.#latest === null
      ? ""
      : `, the latest ${mebibytes(this.#latest.bytes)} for ${this.#latest.label}`;
    return new DeviceLostError(
      `The GPU was lost (${message || reason}) with ` +
        `${mebibytes(this.#allocatedBytes())} allocated${latest}`,
    );
  }
}

/** Bytes for a message, never rounded down. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
