/**
 * LARS (You et al. 2017) as used by MAE's linear probe: momentum on gradients scaled to the length
 * of the weights.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Parameter } from "../../backends/parameter.ts";
import { UserError } from "../../core/errors.ts";
import { lazily, type LazyValues, type NamedValues, readAll } from "../../models/parameter_set.ts";
import type { Updater } from "./optimizer.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import { addAll } from "../../backends/add_all.ts";

/** Settings of {@link Lars}. */
export interface LarsOptions {
  readonly weightDecay: number;
  /** Default: 0.9. */
  readonly momentum?: number;
  /** Length of an update relative to its weights; default: 0.001. */
  readonly trust?: number;
}

/**
 * LARS: weights with more than one axis get weight decay and the trust ratio, biases plain momentum.
 *
 * @example The step length follows the length of the weights
 * ```ts
 * import { createReferenceBackend } from "../../backends/reference/mod.ts";
 * import { Parameter } from "../../backends/parameter.ts";
 * import { tf } from "../../deps/tfjs.ts";
 * import { Lars } from "./lars.ts";
 *
 * const backend = await createReferenceBackend();
 * const on = { backend, precision: "float32" } as const;
 * const schedule = () => 10;
 * backend.run(() => {
 *   const weight = new Parameter("weight", tf.keep(tf.tensor2d([[3, 4]])));
 *   const lars = Lars.create(on, [weight], { weightDecay: 0 });
 *   lars.step(on, [tf.tensor2d([[0, 200]])], schedule, 0);
 *   const [x, y] = weight.value.dataSync();
 *   if (x !== 3 || Math.abs(y - 3.95) > 1e-5) throw new Error(`${x}, ${y}`);
 * });
 * ```
 */
export class Lars implements Updater {
  readonly parameters: readonly Parameter[];
  readonly #options: LarsOptions;
  readonly #momenta: readonly Parameter[];
  /** 1, and NaN once a step has been skipped; by the time it is read, the next step has been submitted. */
  readonly #scale = new Parameter("scale", tf.keep(tf.scalar(1)));

  private constructor(parameters: readonly Parameter[], options: LarsOptions) {
    this.parameters = parameters;
    this.#options = options;
    this.#momenta = parameters.map(({ name, shape }) =>
      new Parameter(`momentum.${name}`, tf.keep(tf.zeros(shape)))
    );
  }

  /** A fresh optimizer, all momenta zero. */
  static create(on: Context, parameters: readonly Parameter[], options: LarsOptions): Lars {
    return on.backend.run(() => new Lars(parameters, options));
  }

  /** LARS runs in float32: 1, or NaN after a skipped step. */
  get lossScale(): Tensor {
    return this.#scale.value;
  }

  /**
   * One update; see `Optimizer.step`. A non-finite gradient leaves everything unchanged, and so do all later
   * steps.
   */
  step(_on: Context, gradients: Tensor[], schedule: LearningRateSchedule, step: number): Tensor {
    const { momentum = 0.9 } = this.#options;
    const rate = schedule(step);
    const norm = tf.tidy(() =>
      tf.sqrt(addAll(gradients.map((gradient) => tf.sum(tf.square(gradient)))))
    );
    const scale = this.#scale.value;
    const isFinite = tf.logicalAnd(tf.isFinite(norm), tf.isFinite(scale));
    for (const [index, parameter] of this.parameters.entries()) {
      const [value, velocity] = tf.tidy(() => {
        const { value } = parameter;
        const before = this.#momenta[index].value;
        const after = tf.add(tf.mul(before, momentum), this.#trusted(value, gradients[index]));
        const moved = tf.sub(value, tf.mul(after, rate));
        const choose = (next: Tensor, old: Tensor) =>
          tf.where(tf.broadcastTo(isFinite, old.shape), next, old) as Tensor;
        return [choose(moved, value), choose(after, before)];
      });
      parameter.assign(tf.keep(value));
      this.#momenta[index].assign(tf.keep(velocity));
    }
    return tf.tidy(() => {
      const skipped = tf.cast(tf.logicalNot(isFinite), "float32");
      const report = tf.stack([norm, scale, skipped]) as Tensor;
      this.#scale.assign(tf.keep(tf.where(isFinite, scale, tf.scalar(NaN))));
      return report;
    });
  }

  /** The gradient with weight decay, scaled to the length that the weights allow. */
  #trusted(value: Tensor, gradient: Tensor): Tensor {
    if (value.rank < 2) return gradient;
    const { weightDecay, trust = 0.001 } = this.#options;
    const decayed = tf.add(gradient, tf.mul(value, weightDecay));
    const [own, other] = [tf.norm(value), tf.norm(decayed)];
    const isUsable = tf.logicalAnd(tf.greater(own, 0), tf.greater(other, 0));
    const ratio = tf.div(tf.mul(own, trust), tf.maximum(other, 1e-30));
    return tf.mul(decayed, tf.where(isUsable, ratio, tf.onesLike(ratio)));
  }

  /** Its state for a checkpoint: `momentum.<name>`. */
  async export(): Promise<Map<string, NamedValues>> {
    return await readAll(this.lazy());
  }

  /** The same, each tensor read back on request. */
  lazy(): Map<string, LazyValues> {
    return lazily(this.#momenta);
  }

  /**
   * Continues from an exported state.
   *
   * @throws UserError if a tensor is missing
   */
  load(on: Context, values: ReadonlyMap<string, NamedValues>): void {
    on.backend.run(() => {
      for (const state of this.#momenta) {
        const found = values.get(state.name);
        if (found === undefined) {
          throw new UserError(`Cannot load optimizer state "${state.name}": it is missing`, {
            hint: "it belongs to another model",
          });
        }
        state.assign(tf.keep(tf.tensor(found.values, [...state.shape], "float32")));
      }
    });
  }

  dispose(): void {
    for (const state of [...this.#momenta, this.#scale]) state.dispose();
  }
}
