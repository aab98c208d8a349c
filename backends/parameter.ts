/**
 * A named, trainable tensor. tfjs' own variables are registered under global names, which would
 * rule out two models in one process; these are plain holders.
 *
 * @module
 */

import type { Tensor } from "../deps/tfjs.ts";
import { formatShape, sameShape } from "../core/shapes.ts";

/** Names by tensor, for messages. */
const names = new WeakMap<Tensor, string>();

/** The name of the parameter whose value a tensor is; undefined for any other tensor. */
export function nameOfParameter(tensor: Tensor): string | undefined {
  return names.get(tensor);
}

/** A parameter or a buffer of a model: its name is BEiT's (`blocks.0.attn.qkv.weight`). */
export class Parameter {
  /** Its full name, as in a checkpoint. */
  readonly name: string;
  /** Whether the optimizer updates it. */
  readonly isTrainable: boolean;
  #value: Tensor;

  /** Takes over `value`, float32, and disposes of it later. */
  constructor(name: string, value: Tensor, options: { isTrainable?: boolean } = {}) {
    this.name = name;
    this.#value = value;
    names.set(value, name);
    this.isTrainable = options.isTrainable ?? true;
  }

  /** The current value; replaced, not modified, by {@link Parameter.assign}. */
  get value(): Tensor {
    return this.#value;
  }

  /** Its dimensions. */
  get shape(): number[] {
    return this.#value.shape;
  }

  /** Takes ownership of `value` and frees the tensor held before. */
  assign(value: Tensor): void {
    if (!sameShape(value.shape, this.#value.shape)) {
      throw new Error(
        `Cannot assign "${this.name}": expected shape ${formatShape(this.#value.shape)}, found ${
          formatShape(value.shape)
        }`,
      );
    }
    if (value === this.#value) return;
    this.#value.dispose();
    this.#value = value;
    names.set(value, this.name);
  }

  /** Frees its values. */
  dispose(): void {
    this.#value.dispose();
  }
}
