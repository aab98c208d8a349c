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
import { DerivedBuffers } from "./derived_buffers.ts";
import type { BufferSlice, Runtime } from "./runtime.ts";

/** See the module's text. */
export class WorkingCopies {
  readonly #runtime: Runtime;
  readonly #narrow: (full: BufferSlice, half: BufferSlice) => void;
  readonly #copies: DerivedBuffers;

  /** `narrow` records the conversion of one buffer into another. */
  constructor(runtime: Runtime, narrow: (full: BufferSlice, half: BufferSlice) => void) {
    this.#runtime = runtime;
    this.#narrow = narrow;
    this.#copies = new DerivedBuffers(runtime);
  }

  /** The current copy of a float32 weight whose size is a multiple of four. */
  of(weight: TensorInfo): BufferSlice {
    const full = this.#runtime.bindingOf(weight);
    const kept = this.#runtime.halfSlotOf?.(full) ?? null;
    if (kept !== null) {
      this.#copies.drop(weight);
      return kept;
    }
    return this.#copies.of(weight, full.size / 2, (half) => this.#narrow(full, half));
  }
}
