/**
 * Buffers computed from tensors that change rarely, such as weights: kept until the tensor is written or freed.
 *
 * @module
 */

import type { TensorInfo } from "../../deps/tfjs.ts";
import type { BufferSlice, Runtime } from "./runtime.ts";

interface Derived {
  readonly slice: BufferSlice;
  isFresh: boolean;
}

/** See the module's text. */
export class DerivedBuffers {
  readonly #runtime: Runtime;
  /** By what they are computed from. */
  readonly #derived = new Map<object, Derived>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    runtime.watchData({
      onWritten: (id) => {
        const derived = this.#derived.get(id);
        if (derived !== undefined) derived.isFresh = false;
      },
      onFreed: (id) => this.#drop(id),
    });
  }

  /** The buffer that belongs to `source`; `derive` records what fills it, if it is not up to date. */
  of({ dataId }: TensorInfo, bytes: number, derive: (slice: BufferSlice) => void): BufferSlice {
    let derived = this.#derived.get(dataId);
    if (derived === undefined) {
      derived = { slice: this.#runtime.createBuffer(bytes), isFresh: false };
      this.#derived.set(dataId, derived);
    }
    if (!derived.isFresh) derive(derived.slice);
    derived.isFresh = true;
    return derived.slice;
  }

  /** Frees what was derived from a tensor. */
  drop({ dataId }: TensorInfo): void {
    this.#drop(dataId);
  }

  #drop(id: object): void {
    const derived = this.#derived.get(id);
    if (derived === undefined) return;
    this.#derived.delete(id);
    this.#runtime.destroyBuffer(derived.slice);
  }
}
