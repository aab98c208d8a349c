/**
 * Parameters and their moments, side by side in a few large buffers.
 *
 * A dispatch can bind about ten buffers, and a model has hundreds of tensors. Here each parameter gets a slot
 * in a segment, as large as a binding may be; a tensor in a slot is used like any other. Slots start at multiples of a
 * block, so that a workgroup of the update never crosses from one to the next.
 *
 * @module
 */

import type { Tensor, TensorInfo } from "../../../../deps/tfjs.ts";
import type { BufferSlice, Runtime } from "../../runtime.ts";

/** Floats in a block: what one workgroup updates. */
export const BLOCK = 256;

/** One segment holds a quarter of a billion parameters, where the device binds that much. */
const MOST_SEGMENT_BYTES = 2 ** 30;
const MOST_STAGED_BYTES = 2 ** 22;

/** The buffers of one segment, all of the same size. */
export interface Segment extends Record<Kind, BufferSlice> {
  readonly blocks: number;
  /** u32 per block: the index of its parameter. */
  readonly owners: BufferSlice;
  /** The parameters in float16, once somebody has asked for them. */
  halves: BufferSlice | null;
}

type Kind = "parameters" | "first" | "second" | "gradients";

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

/** See the module's description. It lives as long as any of its tensors. */
export class ParameterArena {
  readonly segments: Segment[] = [];
  /** float32 pairs for each parameter, rewritten every step. */
  readonly rates: BufferSlice;
  readonly #runtime: Runtime;
  readonly #narrow: (full: BufferSlice, half: BufferSlice) => void;
  #halfSlots: BufferSlice[] | null = null;
  readonly #places: Place[] = [];
  readonly #owners: number[][] = [];
  readonly #slots = { parameters: [], first: [], second: [], gradients: [] } as Record<
    Kind,
    BufferSlice[]
  >;
  readonly #parameterAt = new Map<BufferSlice, number>();
  /** The gradients that were created in their slots and are still there. */
  readonly #claimed = new Map<BufferSlice, TensorInfo>();
  #occupied = 0;

  /** Takes the tensors in; `narrow` records the conversion of a buffer to float16. */
  constructor(
    runtime: Runtime,
    tensors: SlotTensors,
    narrow: (full: BufferSlice, half: BufferSlice) => void,
  ) {
    this.#runtime = runtime;
    this.#narrow = narrow;
    const { maxStorageBufferBindingSize, maxBufferSize } = runtime.device.limits;
    const limit = Math.min(MOST_SEGMENT_BYTES, maxStorageBufferBindingSize, maxBufferSize);
    tensors.parameters.forEach(({ size }, parameter) => {
      const blocks = Math.max(1, Math.ceil(size / BLOCK));
      let segment = this.#owners.at(-1);
      if (segment === undefined || (segment.length + blocks) * BLOCK * 4 > limit) {
        segment = [];
        this.#owners.push(segment);
      }
      const offset = segment.length * BLOCK * 4;
      this.#places.push({ segment: this.#owners.length - 1, offset, size: size * 4 });
      for (let block = 0; block < blocks; block++) segment.push(parameter);
    });
    this.rates = runtime.createBuffer(tensors.parameters.length * 8);
    // One kind after another, so that no more than one exists twice.
    const lists = [tensors.parameters, tensors.firstMoments, tensors.secondMoments];
    const made = (["parameters", "first", "second"] as const).map((kind, index) => {
      const buffers = this.#createBuffers(kind);
      this.#moveIn(lists[index], this.#slots[kind]);
      return buffers;
    });
    const gradients = this.#createBuffers("gradients");
    this.#owners.forEach((owners, index) => {
      const table = runtime.createBuffer(owners.length * 4);
      runtime.queue.writeBuffer(table.buffer, 0, Uint32Array.from(owners));
      const [parameters, first, second] = made.map((buffers) => buffers[index]);
      const rest = { parameters, first, second, gradients: gradients[index] };
      this.segments.push({ blocks: owners.length, ...rest, owners: table, halves: null });
    });
    this.#slots.parameters.forEach((slot, index) => this.#parameterAt.set(slot, index));
  }

  #createBuffers(kind: Kind): BufferSlice[] {
    const buffers = this.#owners.map(({ length }) =>
      this.#runtime.createBuffer(length * BLOCK * 4)
    );
    this.#slots[kind] = this.#places.map(({ segment, offset, size }) => {
      return { buffer: buffers[segment].buffer, offset, size };
    });
    return buffers;
  }

  /** How many of the tensors are in their slots here. */
  countHeld(tensors: SlotTensors): number {
    let held = 0;
    this.#eachKind(tensors, (list, slots) => {
      held += list.filter((tensor, index) => this.#runtime.sliceOf(tensor) === slots[index]).length;
    });
    return held;
  }

  /** Whether the tensors have the sizes this arena was made for. */
  fits({ parameters }: SlotTensors): boolean {
    return parameters.length === this.#places.length &&
      parameters.every(({ size }, index) => size * 4 === this.#places[index].size);
  }

  /** Moves tensors that are elsewhere into their slots, and notes that all are about to be written. */
  hold(tensors: SlotTensors): void {
    const before = this.#occupied;
    this.#eachKind(tensors, (list, slots) => this.#moveIn(list, slots));
    if (this.#occupied !== before) this.#refreshHalves();
  }

  #refreshHalves(): void {
    for (const { parameters, halves } of this.segments) {
      if (halves !== null) this.#narrow(parameters, halves);
    }
  }

  /** The float16 copy of a parameter here, kept from the first call on; null for another slice. */
  halfSlotOf(parameter: BufferSlice): BufferSlice | null {
    const index = this.#parameterAt.get(parameter);
    if (index === undefined) return null;
    if (this.#halfSlots === null) {
      for (const segment of this.segments) {
        segment.halves = this.#runtime.createBuffer(segment.blocks * BLOCK * 2);
      }
      this.#halfSlots = this.#places.map(({ segment, offset, size }) => {
        const { buffer } = this.segments[segment].halves!;
        return { buffer, offset: offset / 2, size: Math.ceil(size / 8) * 4 };
      });
      this.#refreshHalves();
    }
    return this.#halfSlots[index];
  }

  #moveIn(tensors: readonly Tensor[], slots: readonly BufferSlice[]): void {
    let staged = 0;
    tensors.forEach((tensor, index) => {
      if (this.#runtime.sliceOf(tensor) !== slots[index]) {
        this.#runtime.moveInto(tensor, slots[index]);
        this.#occupied++;
        staged += slots[index].size;
      }
      this.#runtime.bindingOfOutput(tensor);
      if (staged < MOST_STAGED_BYTES) return;
      // What was uploaded on the way is held until then.
      this.#runtime.flush();
      staged = 0;
    });
  }

  /** The slot of a parameter's gradient; null if it is taken or the slice is not here. */
  claimGradientSlot(parameter: BufferSlice, gradient: TensorInfo): BufferSlice | null {
    const index = this.#parameterAt.get(parameter);
    if (index === undefined) return null;
    const slot = this.#slots.gradients[index];
    if (this.#claimed.has(slot)) return null;
    this.#claimed.set(slot, gradient);
    return slot;
  }

  /** Copies the gradients that are elsewhere into their slots. */
  gatherGradients(gradients: readonly Tensor[]): void {
    gradients.forEach((gradient, index) => {
      const slot = this.#slots.gradients[index];
      const place = this.#runtime.floatsOf(gradient);
      if (place === slot) return;
      const other = this.#claimed.get(slot);
      if (other !== undefined) this.#runtime.moveOut(other);
      this.#claimed.delete(slot);
      this.#runtime.copy({ ...place, size: slot.size }, slot);
    });
  }

  #eachKind(
    { parameters, firstMoments, secondMoments }: SlotTensors,
    visit: (tensors: readonly Tensor[], slots: readonly BufferSlice[]) => void,
  ): void {
    visit(parameters, this.#slots.parameters);
    visit(firstMoments, this.#slots.first);
    visit(secondMoments, this.#slots.second);
  }

  /** Call this when a tensor in a slice is gone; returns true if it was the last one here. */
  release(slice: BufferSlice): boolean {
    if (this.#claimed.delete(slice)) return this.#occupied === 0;
    const { parameters, first, second } = this.#slots;
    if (![parameters, first, second].some((slots) => slots.includes(slice))) return false;
    return --this.#occupied === 0 && this.#claimed.size === 0;
  }

  dispose(): void {
    this.#runtime.flush();
    for (const { parameters, first, second, gradients, owners, halves } of this.segments) {
      for (const slice of [parameters, first, second, gradients, owners, halves]) {
        if (slice !== null) this.#runtime.destroyBuffer(slice);
      }
    }
    this.#runtime.destroyBuffer(this.rates);
  }
}
