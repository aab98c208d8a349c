/**
 * The relative-position bias of a patch grid, with its index kept on the device.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { relativePositionBias } from "../../backends/ops/relative_position_bias.ts";
import { relativePositionIndex } from "../relative_position.ts";

/** Arranges table rows as one matrix per head. */
export class PositionBias {
  readonly #index: Tensor;

  /** @param side patches per side */
  constructor(on: Context, side: number) {
    const tokens = side * side + 1;
    const index = relativePositionIndex(side, side);
    this.#index = on.backend.run(() => tf.keep(tf.tensor2d(index, [tokens, tokens], "int32")));
  }

  /** table [T, H] → bias [H, N + 1, N + 1]. */
  of(on: Context, table: Tensor): Tensor {
    return relativePositionBias(on, table, this.#index);
  }

  dispose(): void {
    this.#index.dispose();
  }
}
