/**
 * float16 copies of weights, which products in float16 read: half the bytes of the float32 masters.
 *
 * The update writes the copies of the parameters that it holds along the way (see
 * `kernels/adam_w/parameter_arena.ts`); all others (frozen models, and everything before the first
 * update) are created here when first needed.
 *
 * @module
 */

import type { TensorInfo } from "../../deps/tfjs.ts";
import type { BufferSlice, Runtime } from "./runtime.ts";

interface Copy {
  readonly slice: BufferSlice;
  isFresh: boolean;
}

/** See the module's text. */
export class WorkingCopies {
  readonly #runtime: Runtime;
  readonly #narrow: (full: BufferSlice, half: BufferSlice) => void;
  readonly #copies = new Map<object, Copy>();

  /** `narrow` records the conversion of one buffer into another. */
  constructor(runtime: Runtime, narrow: (full: BufferSlice, half: BufferSlice) => void) {
    this.#runtime = runtime;
    this.#narrow = narrow;
    runtime.onWritten = (id) => {
      const copy = this.#copies.get(id);
      if (copy !== undefined) copy.isFresh = false;
    };
    runtime.onFreed = (id) => this.#drop(id);
  }

  /** The current copy of a float32 weight whose size is a multiple of four. */
  of(weight: TensorInfo): BufferSlice {
    const id = weight.dataId;
    const full = this.#runtime.bindingOf(weight);
    const kept = this.#runtime.halfSlotOf?.(full) ?? null;
    if (kept !== null) {
      this.#drop(id);
      return kept;
    }
    let copy = this.#copies.get(id);
    if (copy === undefined) {
      copy = { slice: this.#runtime.createBuffer(full.size / 2), isFresh: false };
      this.#copies.set(id, copy);
    }
    if (!copy.isFresh) this.#narrow(full, copy.slice);
    copy.isFresh = true;
    return copy.slice;
  }

  #drop(id: object): void {
    const copy = this.#copies.get(id);
    if (copy === undefined) return;
    this.#copies.delete(id);
    this.#runtime.destroyBuffer(copy.slice);
  }
}
