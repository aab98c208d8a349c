/**
 * A named, trainable tensor. tfjs' own variables are registered under global names, which would
 * forbid two models in one process; these are plain holders.
 *
 * @module
 */

import type { Tensor } from "../deps/tfjs.ts";
import { formatShape, sameShape } from "../core/shapes.ts";

/** A parameter or a buffer of a model: its name is BEiT's (`blocks.0.attn.qkv.weight`). */
export class Parameter {
  readonly name: string;
  /** Whether the optimizer updates it. */
  readonly isTrainable: boolean;
  #value: Tensor;

  constructor(name: string, value: Tensor, options: { isTrainable?: boolean } = {}) {
    this.name = name;
    this.#value = value;
    this.isTrainable = options.isTrainable ?? true;
  }

  get value(): Tensor {
    return this.#value;
  }

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
  }

  dispose(): void {
    this.#value.dispose();
  }
}
