/**
 * What the forward pass updates in a model (a codebook, running statistics) must be restored when the step is
 * skipped: a single non-finite number would stay in it for ever.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import type { Parameter } from "../../../backends/parameter.ts";

/** The values of parameters before a step. */
export class MovingParameters {
  readonly #parameters: readonly Parameter[];
  readonly #before: readonly Tensor[];

  /** Notes the values; nothing is copied. */
  constructor(on: Context, parameters: readonly Parameter[]) {
    this.#parameters = parameters;
    this.#before = on.backend.run(() => parameters.map(({ value }) => tf.keep(tf.clone(value))));
  }

  /**
   * Restores the values if the step was skipped; decided on the device.
   *
   * @param report of the update, [3]: its last number is 1 if it was skipped, otherwise 0
   */
  settle(on: Context, report: Tensor): void {
    if (this.#parameters.length === 0) return;
    on.backend.run(() =>
      tf.tidy(() => {
        const isSkipped = tf.greater(tf.slice(report, 2, 1), 0);
        for (const [index, parameter] of this.#parameters.entries()) {
          parameter.assign(tf.keep(tf.where(isSkipped, this.#before[index], parameter.value)));
        }
      })
    );
  }

  dispose(): void {
    tf.dispose([...this.#before]);
  }
}
