/**
 * Work that is deferred until its reader is known.
 *
 * A kernel may put off its dispatch: the next kernel that reads its result can then do both in a
 * single pass over memory. If anything else touches the result first, the work is done then, in its
 * original form. The tensors that the work reads are kept alive until then.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import { forgetValues } from "../tfjs/handles.ts";

/** What reference counting needs from the runtime. */
interface TensorOwner {
  incRef(id: object): void;
  disposeData(id: object): boolean;
}

/** A dispatch that has not been recorded. */
export interface Deferred {
  /** The kernel it belongs to; whoever takes it over must know the contents of `args`. */
  readonly kind: string;
  readonly args: unknown;
  /** Records the dispatch. */
  readonly run: () => void;
}

interface Entry extends Deferred {
  readonly inputs: readonly object[];
  /** null for a result that is not wanted. */
  readonly outputs: readonly (object | null)[];
}

/** See the module's text. */
export class Deferrals {
  readonly #owner: TensorOwner;
  readonly #entries = new Map<object, Entry>();

  constructor(owner: TensorOwner) {
    this.#owner = owner;
  }

  /** Defers `work`, which reads `inputs` and writes `outputs`. */
  defer(
    inputs: readonly (Tensor | null)[],
    outputs: readonly (Tensor | null)[],
    work: Deferred,
  ): void {
    const ids = inputs.filter((input) => input !== null).map(({ dataId }) => dataId);
    for (const id of ids) {
      this.settle(id); // a chain would be recorded in the wrong order
      this.#owner.incRef(id);
    }
    const entry = {
      ...work,
      inputs: ids,
      outputs: outputs.map((output) => output && output.dataId),
    };
    for (const id of entry.outputs) if (id !== null) this.#entries.set(id, entry);
  }

  /** The arguments of the deferred work whose only result is `tensor`, if it is of this kind; it stays deferred. */
  peek<Args>(tensor: { dataId: object }, kind: string): Args | null {
    const entry = this.#entries.get(tensor.dataId);
    return entry?.kind === kind ? entry.args as Args : null;
  }

  /**
   * Hands over the deferred work whose result number `output` is `tensor`, if it is of this kind, for the caller
   * to do.
   *
   * @returns its arguments, and what to call when they have been used
   */
  take<Args>(
    tensor: { dataId: object },
    kind: string,
    output = 0,
  ): { args: Args; done: () => void } | null {
    const entry = this.#entries.get(tensor.dataId);
    if (entry?.kind !== kind || entry.outputs[output] !== tensor.dataId) return null;
    this.#remove(entry);
    return { args: entry.args as Args, done: () => this.#release(entry) };
  }

  /** Performs the work that a tensor is waiting for. */
  settle(id: object): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#remove(entry);
    entry.run();
    this.#release(entry);
  }

  /** Performs all deferred work: call this before anything is changed in place. */
  settleAll(): void {
    for (const id of [...this.#entries.keys()]) this.settle(id);
  }

  /** Call this when a tensor is freed: work whose results nobody needs is not done. */
  forget(id: object): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    if (entry.outputs.filter((output) => output !== null).length > 1) return this.settle(id);
    this.#remove(entry);
    this.#release(entry);
  }

  #remove(entry: Entry): void {
    for (const id of entry.outputs) if (id !== null) this.#entries.delete(id);
  }

  #release(entry: Entry): void {
    for (const id of entry.inputs) {
      if (this.#owner.disposeData(id)) forgetValues(id, this.#owner);
    }
  }
}
