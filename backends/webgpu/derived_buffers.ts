/**
 * Buffers computed from tensors that change rarely, such as weights: kept until one of these is written or freed.
 *
 * @module
 */

import type { TensorInfo } from "../../deps/tfjs.ts";
import type { BufferSlice, Runtime } from "./runtime.ts";

interface Derived {
  readonly sources: readonly object[];
  readonly slice: BufferSlice;
  isFresh: boolean;
}

/** See the module's text. */
export class DerivedBuffers {
  readonly #runtime: Runtime;
  /** Under each of its sources. */
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

  /** The buffer that belongs to `sources`; `derive` records what fills it, if it is not up to date. */
  of(
    sources: readonly TensorInfo[],
    bytes: number,
    derive: (slice: BufferSlice) => void,
  ): BufferSlice {
    const ids = sources.map(({ dataId }) => dataId);
    let derived = this.#derived.get(ids[0]);
    if (derived?.sources.some((id, index) => id !== ids[index])) derived = undefined;
    if (derived === undefined) {
      for (const id of ids) this.#drop(id);
      derived = { sources: ids, slice: this.#runtime.createBuffer(bytes), isFresh: false };
      for (const id of ids) this.#derived.set(id, derived);
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
    for (const source of derived.sources) this.#derived.delete(source);
    this.#runtime.destroyBuffer(derived.slice);
  }
}
