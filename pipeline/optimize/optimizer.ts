/**
 * AdamW over a model's parameters, with its state.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { adamW } from "../../backends/ops/adam_w.ts";
import { Parameter } from "../../backends/parameter.ts";
import { UserError } from "../../core/errors.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import { formatShape, sameShape } from "../../core/shapes.ts";
import { lazily, type LazyValues, type NamedValues, readAll } from "../../models/parameter_set.ts";
import type { ParameterGroup } from "./parameter_groups.ts";

/** AdamW settings that do not change during a run. */
export interface OptimizerOptions {
  /** Decay of the mean of the gradients. */
  readonly beta1: number;
  /** Decay of the mean of their squares. */
  readonly beta2: number;
  /** Added to the root of that mean. */
  readonly epsilon: number;
  /** Maximum global gradient norm; null for no clipping. */
  readonly maxGradientNorm: number | null;
  /**
   * The dynamic loss scale of float16 training: its initial value, and the number of good steps
   * after which it doubles. null for a constant scale of 1.
   */
  readonly lossScaling: { readonly initial: number; readonly growthInterval: number } | null;
}

/** What the stage `optimize` and a checkpoint need from an optimizer: {@link Optimizer}, or another. */
export type Updater = Pick<
  Optimizer,
  "parameters" | "lossScale" | "step" | "export" | "lazy" | "load" | "dispose"
>;

/** Whether a rate applies to a parameter directly, or is scaled by its group. */
export type RateOfScale = (scale: number) => number;

/**
 * AdamW as in PyTorch (decoupled weight decay); skipped steps do not count.
 *
 * The loss must be scaled by {@link Optimizer.lossScale} before its gradients are taken.
 */
export class Optimizer {
  /** The parameters it updates; gradients come in this order. */
  readonly parameters: readonly Parameter[];
  readonly #groups: readonly ParameterGroup[];
  readonly #options: OptimizerOptions;
  readonly #firstMoments: Parameter[];
  readonly #secondMoments: Parameter[];
  /** [4]: loss scale, consecutive good steps, Adam's t, skipped steps. */
  readonly #scaler: Parameter;

  private constructor(
    parameters: readonly Parameter[],
    groups: readonly ParameterGroup[],
    options: OptimizerOptions,
  ) {
    this.parameters = parameters;
    this.#groups = groups;
    this.#options = options;
    const zeros = (kind: string) =>
      parameters.map(({ name, shape }) =>
        new Parameter(`${kind}.${name}`, tf.keep(tf.zeros(shape)))
      );
    this.#firstMoments = zeros("firstMoment");
    this.#secondMoments = zeros("secondMoment");
    const scale = options.lossScaling?.initial ?? 1;
    this.#scaler = new Parameter("scaler", tf.keep(tf.tensor1d([scale, 0, 0, 0])));
  }

  /**
   * A fresh optimizer, all moments zero.
   *
   * @param groups settings by parameter name; see `parameter_groups.ts`
   */
  static create(
    on: Context,
    parameters: readonly Parameter[],
    groups: ReadonlyMap<string, ParameterGroup>,
    options: OptimizerOptions,
  ): Optimizer {
    const ordered = parameters.map(({ name }) => {
      const group = groups.get(name);
      if (group === undefined) throw new Error(`No parameter group for "${name}"`);
      return group;
    });
    return on.backend.run(() => new Optimizer(parameters, ordered, options));
  }

  /** The factor to scale the loss by, on the device, []. */
  get lossScale(): Tensor {
    return tf.tidy(() => tf.reshape(tf.slice(this.#scaler.value, 0, 1), []));
  }

  /**
   * One update at a step of a schedule.
   *
   * @returns float32 [3]: gradient norm before clipping, loss scale used, 1 if skipped
   */
  step(
    on: Context,
    gradients: Tensor[],
    schedule: LearningRateSchedule,
    step: number,
  ): Tensor {
    return this.update(on, gradients, (scale) => schedule(step, scale));
  }

  /** One update with the learning rate that `rateOf` returns for a group's scale; see {@link step}. */
  update(on: Context, gradients: Tensor[], rateOf: RateOfScale): Tensor {
    const { lossScaling, ...options } = this.#options;
    const state = {
      parameters: [...this.parameters],
      firstMoments: this.#firstMoments,
      secondMoments: this.#secondMoments,
      scaler: this.#scaler,
    };
    return adamW(on, state, gradients, {
      ...options,
      learningRates: this.#groups.map(({ learningRateScale }) => rateOf(learningRateScale)),
      weightDecays: this.#groups.map(({ weightDecay }) => weightDecay),
      growthInterval: lossScaling?.growthInterval ?? null,
    });
  }

  /** Its state for a checkpoint: `firstMoment.<name>`, `secondMoment.<name>`, `scaler`. */
  async export(): Promise<Map<string, NamedValues>> {
    return await readAll(this.lazy());
  }

  /** The same, each tensor read back on request. */
  lazy(): Map<string, LazyValues> {
    return lazily(this.#state());
  }

  /**
   * Continues from an exported state.
   *
   * @throws UserError for a tensor that is missing or has another shape
   */
  load(on: Context, values: ReadonlyMap<string, NamedValues>): void {
    for (const { name, shape } of this.#state()) {
      const found = values.get(name)?.shape;
      if (found !== undefined && sameShape(found, shape)) continue;
      const what = found === undefined ? "it is missing" : `found ${formatShape(found)}`;
      throw new UserError(
        `Cannot load optimizer state "${name}": expected shape ${formatShape(shape)}, ${what}`,
        { hint: "it belongs to another model" },
      );
    }
    on.backend.run(() => {
      for (const state of this.#state()) {
        const { values: data } = values.get(state.name)!;
        state.assign(tf.keep(tf.tensor(data, [...state.shape], "float32")));
      }
    });
  }

  /** Frees its state; the parameters belong to the model. */
  dispose(): void {
    for (const state of this.#state()) state.dispose();
  }

  #state(): Parameter[] {
    return [...this.#firstMoments, ...this.#secondMoments, this.#scaler];
  }
}
