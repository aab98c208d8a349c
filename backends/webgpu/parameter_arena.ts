/**
 * Parameters and their moments, side by side in a few large buffers.
 *
 * A dispatch can bind about ten buffers, and a model has hundreds of tensors. Here each parameter gets
 * a slot in a segment of at most 128 MiB; a tensor in a slot is used like any other. Slots begin at
 * multiples of a block, so that a workgroup of the update never crosses from one to the next.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { BufferSlice, Runtime } from "./runtime.ts";

/** Floats in a block: what one workgroup updates. */
export const BLOCK = 256;

const MOST_SEGMENT_BYTES = 2 ** 27;

/** The buffers of one segment, all of the same size. */
export interface Segment {
  readonly blocks: number;
  readonly parameters: BufferSlice;
  readonly first: BufferSlice;
  readonly second: BufferSlice;
  readonly gradients: BufferSlice;
  /** u32 for each block: the index of its parameter. */
  readonly owners: BufferSlice;
}

interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly size: number;
}

interface SlotTensors {
  readonly parameters: readonly Tensor[];
  readonly firstMoments: readonly Tensor[];
  readonly secondMoments: readonly Tensor[];
}

/** See the module's text. It lives as long as any of its tensors. */
export class ParameterArena {
  readonly segments: Segment[] = [];
  /** float32 pairs for each parameter, rewritten every step. */
  readonly rates: BufferSlice;
  readonly #runtime: Runtime;
  readonly #places: Place[] = [];
  readonly #slots: BufferSlice[][];
  readonly #gradientSlots: BufferSlice[];
  #occupied = 0;

  constructor(runtime: Runtime, sizes: readonly number[]) {
    this.#runtime = runtime;
    const limit = Math.min(MOST_SEGMENT_BYTES, runtime.device.limits.maxStorageBufferBindingSize);
    const owners: number[][] = [];
    let segment: number[] | null = null;
    sizes.forEach((size, parameter) => {
      const blocks = Math.max(1, Math.ceil(size / BLOCK));
      if (segment === null || (segment.length + blocks) * BLOCK * 4 > limit) {
        segment = [];
        owners.push(segment);
      }
      const offset = segment.length * BLOCK * 4;
      this.#places.push({ segment: owners.length - 1, offset, size: size * 4 });
      for (let block = 0; block < blocks; block++) segment.push(parameter);
    });
    for (const list of owners) this.segments.push(this.#createSegment(list));
    this.rates = runtime.createBuffer(sizes.length * 8);
    const slotsIn = (name: "parameters" | "first" | "second" | "gradients") =>
      this.#places.map(({ segment, offset, size }) => ({
        buffer: this.segments[segment][name].buffer,
        offset,
        size,
      }));
    this.#slots = [slotsIn("parameters"), slotsIn("first"), slotsIn("second")];
    this.#gradientSlots = slotsIn("gradients");
  }

  #createSegment(owners: number[]): Segment {
    const bytes = owners.length * BLOCK * 4;
    const table = this.#runtime.createBuffer(owners.length * 4);
    this.#runtime.queue.writeBuffer(table.buffer, 0, Uint32Array.from(owners));
    return {
      blocks: owners.length,
      parameters: this.#runtime.createBuffer(bytes),
      first: this.#runtime.createBuffer(bytes),
      second: this.#runtime.createBuffer(bytes),
      gradients: this.#runtime.createBuffer(bytes),
      owners: table,
    };
  }

  /** How many of the tensors are in their slots here. */
  countHeld(tensors: SlotTensors): number {
    let held = 0;
    this.#eachSlot(tensors, (tensor, slot) => {
      if (this.#runtime.sliceOf(tensor) === slot) held++;
    });
    return held;
  }

  /** Whether the tensors have the sizes this arena was made for. */
  fits({ parameters }: SlotTensors): boolean {
    return parameters.length === this.#places.length &&
      parameters.every(({ size }, index) => size * 4 === this.#places[index].size);
  }

  /** Moves the tensors that are elsewhere into their slots, and notes that all are to be written. */
  hold(tensors: SlotTensors): void {
    this.#eachSlot(tensors, (tensor, slot) => {
      if (this.#runtime.sliceOf(tensor) !== slot) {
        this.#runtime.moveInto(tensor, slot);
        this.#occupied++;
      }
      this.#runtime.bindingOfOutput(tensor);
    });
  }

  copyGradients(gradients: readonly Tensor[]): void {
    const buffers = gradients.map((gradient) => this.#runtime.floatsOf(gradient));
    buffers.forEach((buffer, index) => {
      const slot = this.#gradientSlots[index];
      this.#runtime.copy({ ...buffer, size: slot.size }, slot);
    });
  }

  #eachSlot(tensors: SlotTensors, visit: (tensor: Tensor, slot: BufferSlice) => void): void {
    const lists = [tensors.parameters, tensors.firstMoments, tensors.secondMoments];
    lists.forEach((list, kind) => {
      list.forEach((tensor, index) => visit(tensor, this.#slots[kind][index]));
    });
  }

  /** To be told when a tensor in a slice is gone; true when this was the last one here. */
  release(slice: BufferSlice): boolean {
    if (!this.#slots.some((slots) => slots.includes(slice))) return false;
    return --this.#occupied === 0;
  }

  dispose(): void {
    this.#runtime.flush();
    for (const { parameters, first, second, gradients, owners } of this.segments) {
      for (const slice of [parameters, first, second, gradients, owners]) {
        this.#runtime.destroyBuffer(slice);
      }
    }
    this.#runtime.destroyBuffer(this.rates);
  }
}
