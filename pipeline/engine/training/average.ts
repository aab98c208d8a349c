/**
 * A moving average of the weights, for evaluation.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { Parameter } from "../../../backends/parameter.ts";
import { UserError } from "../../../core/errors.ts";
import {
  lazily,
  type LazyValues,
  type NamedValues,
  readAll,
} from "../../../models/parameter_set.ts";
import type { StepOutput } from "../../batch.ts";
import type { Stage } from "../../stage.ts";

/** Averages of parameters: average ← decay · average + (1 − decay) · value after every update. */
export class WeightAverage {
  readonly #parameters: readonly Parameter[];
  readonly #averages: readonly Parameter[];
  readonly #decay: number;

  private constructor(parameters: readonly Parameter[], decay: number) {
    this.#parameters = parameters;
    this.#decay = decay;
    // A clone would share memory that an in-place update overwrites.
    this.#averages = parameters.map(({ name, value }) =>
      new Parameter(name, tf.keep(tf.tidy(() => tf.mul(value, 1) as Tensor)))
    );
  }

  /** Averages, initialised with the parameters' values. */
  static create(on: Context, parameters: readonly Parameter[], decay: number): WeightAverage {
    return on.backend.run(() => new WeightAverage(parameters, decay));
  }

  /** Moves the averages towards the parameters. */
  update(on: Context): void {
    on.backend.run(() => {
      for (const [index, average] of this.#averages.entries()) {
        average.assign(tf.keep(tf.tidy(() =>
          tf.add(
            tf.mul(average.value, this.#decay),
            tf.mul(this.#parameters[index].value, 1 - this.#decay),
          ) as Tensor
        )));
      }
    });
  }

  /** Runs `work` with the averages in place of the parameters. */
  async during<T>(on: Context, work: () => Promise<T>): Promise<T> {
    const own = on.backend.run(() =>
      this.#parameters.map((parameter, index) => {
        const kept = tf.keep(tf.clone(parameter.value));
        parameter.assign(tf.keep(tf.clone(this.#averages[index].value)));
        return kept;
      })
    );
    try {
      return await work();
    } finally {
      on.backend.run(() => {
        for (const [index, parameter] of this.#parameters.entries()) parameter.assign(own[index]);
      });
    }
  }

  /** The averages, by parameter name. */
  async export(): Promise<Map<string, NamedValues>> {
    return await readAll(this.lazy());
  }

  /** The same, each read back on request. */
  lazy(): Map<string, LazyValues> {
    return lazily(this.#averages);
  }

  /**
   * Continues from exported averages.
   *
   * @throws UserError if one is missing
   */
  load(on: Context, values: ReadonlyMap<string, NamedValues>): void {
    on.backend.run(() => {
      for (const average of this.#averages) {
        const found = values.get(average.name);
        if (found === undefined) {
          throw new UserError(`Cannot load the average of "${average.name}": it is missing`, {
            hint: "the checkpoint was saved without averages",
          });
        }
        average.assign(tf.keep(tf.tensor(found.values, [...average.shape], "float32")));
      }
    });
  }

  /** Frees the averages. */
  dispose(): void {
    for (const average of this.#averages) average.dispose();
  }
}

/** The stage `average`, after `optimize`. */
export function average(
  averages: WeightAverage,
): Stage<StepOutput, StepOutput> & { readonly name: "average" } {
  return {
    name: "average",
    run(output, { on }) {
      const { update } = output;
      if (update instanceof Promise) {
        const after = update.then((report) => {
          averages.update(on);
          return report;
        });
        return { ...output, update: after };
      }
      if (update !== null) averages.update(on);
      return output;
    },
  };
}
