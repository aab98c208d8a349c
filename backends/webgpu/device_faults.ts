/**
 * What a device reports, later than it happens, as errors that say what was going on.
 *
 * WebGPU throws nothing where memory runs out or the device goes away: the call that did it returns,
 * and an event or a promise tells of it when others have followed. Here the first cause is kept, with
 * the allocation it belongs to, and thrown at the next occasion.
 *
 * @module
 */

import { DeviceLostError, isDeviceFault, messageOf, OutOfMemoryError } from "../../core/errors.ts";

/** A buffer that is being made. */
export interface Allocation {
  /** What it is for: `attention, float32 [64, 197, 768]`. */
  readonly label: string;
  readonly bytes: number;
}

/** How long a failed call waits for the reason that the device gives, milliseconds. */
const PATIENCE = 200;

/** Watches over one device. */
export class DeviceFaults {
  readonly #device: GPUDevice;
  readonly #allocatedBytes: () => number;
  readonly #lost: Promise<void>;
  /** Buffers of which the device has not yet said whether there was memory for them. */
  readonly #undecided = new Set<Promise<void>>();
  #fault: Error | null = null;
  #latest: Allocation | null = null;
  #isClosing = false;

  /** @param allocatedBytes what the buffers of the device hold now */
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
   * Makes a buffer, and remembers whose it is until the device has said that it has the memory.
   *
   * @throws OutOfMemoryError where that is known at once
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

  /** The error for an allocation that cannot be had; `reason` is whoever's who refused. */
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
    // A buffer that was not to be had makes every later use of it invalid: its own error is coming.
    if (this.#fault !== null && isKnown) throw this.#fault;
  }

  /** As {@link check}, when all allocations so far are decided. */
  async settle(): Promise<void> {
    await Promise.all(this.#undecided);
    this.check();
  }

  /** The reason of a call's failure: what the device tells of it within a moment, else `error` itself. */
  async explain(error: unknown): Promise<unknown> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, PATIENCE));
    await Promise.race([Promise.all([this.#lost, ...this.#undecided]), patience]);
    clearTimeout(timer);
    return this.#fault ?? error;
  }

  /** From now on, the loss of the device is no fault. */
  close(): void {
    this.#isClosing = true;
  }

  /** Keeps the first fault; a cause takes the place of what follows from it. */
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

/** Bytes for a message, never less than there are. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
