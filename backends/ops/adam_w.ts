/**
 * AdamW with a dynamic loss scale over all parameters together.
 *
 * For every parameter, with gradients g divided by the loss scale and then, if their global norm exceeds
 * `maxGradientNorm`, multiplied by maxGradientNorm / (norm + 1e-6):
 *
 * ```text
 * m ← β1·m + (1 − β1)·g          v ← β2·v + (1 − β2)·g²          t ← t + 1
 * p ← p·(1 − lr·weightDecay) − lr·m/(1 − β1ᵗ) / (√v/√(1 − β2ᵗ) + ε)
 * ```
 *
 * as in PyTorch's AdamW, `clip_grad_norm_` and GradScaler. If the norm is not finite (because a gradient is
 * not, or the squares overflow), none of this happens, and the step counts as skipped. The check runs on the
 * device: nothing is read back.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import type { AdamWArguments } from "../kernels.ts";
import type { Parameter } from "../parameter.ts";
import { detached } from "../tfjs/record_kernel.ts";

/** What AdamW carries from step to step; all lists are in the same order. */
export interface AdamWState {
  readonly parameters: readonly Parameter[];
  readonly firstMoments: readonly Parameter[];
  readonly secondMoments: readonly Parameter[];
  /** [4]: loss scale, consecutive good steps, Adam's t, skipped steps. */
  readonly scaler: Parameter;
}

/** Settings of one step. */
export type AdamWOptions = Pick<
  AdamWArguments,
  | "learningRates"
  | "weightDecays"
  | "beta1"
  | "beta2"
  | "epsilon"
  | "maxGradientNorm"
  | "growthInterval"
>;

/**
 * One step; changes the state.
 *
 * With `growthInterval`, the loss scale doubles after that many consecutive good steps and is halved by a
 * skipped one. With null (float32), the caller is expected to stop at a skipped step: it makes the scale NaN,
 * so that all later steps are skipped too. By the time the caller reads about the first one, others have been
 * submitted, and the parameters must still be those it was computed with.
 *
 * @param gradients of the scaled loss, one per parameter; not modified
 * @returns [3]: the norm of the unscaled gradients before clipping (infinite or NaN on a skipped step), the
 * loss scale used, and 1 if the step was skipped, otherwise 0
 *
 * @example The first step moves by the learning rate, whatever the gradient
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { adamW } from "./adam_w.ts";
 * import { Parameter } from "../parameter.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const weight = new Parameter("weight", tf.tensor1d([1]));
 *   const state = {
 *     parameters: [weight],
 *     firstMoments: [new Parameter("firstMoment", tf.zeros([1]))],
 *     secondMoments: [new Parameter("secondMoment", tf.zeros([1]))],
 *     scaler: new Parameter("scaler", tf.tensor1d([1, 0, 0, 0])),
 *   };
 *   adamW(on, state, [tf.tensor1d([-0.3])], {
 *     learningRates: [0.1],
 *     weightDecays: [0],
 *     beta1: 0.9,
 *     beta2: 0.999,
 *     epsilon: 1e-8,
 *     maxGradientNorm: null,
 *     growthInterval: null,
 *   });
 *   if (Math.abs(weight.value.dataSync()[0] - 1.1) > 1e-6) throw new Error(`${weight.value}`);
 * });
 * ```
 */
export function adamW(
  on: Context,
  state: AdamWState,
  gradients: readonly Tensor[],
  options: AdamWOptions,
): Tensor {
  if (gradients.length !== state.parameters.length) {
    throw new Error(
      `Cannot step: expected ${state.parameters.length} gradients, found ${gradients.length}`,
    );
  }
  const kernel = on.backend.kernels.adamW;
  const [report] = detached(() => [
    kernel === undefined
      ? composeAdamW(state, gradients, options)
      : kernel({ ...tensorsOf(state), gradients: [...gradients], ...options }),
  ]);
  return report;
}

function tensorsOf(state: AdamWState) {
  const values = (parameters: readonly Parameter[]) => parameters.map(({ value }) => value);
  return {
    parameters: values(state.parameters),
    firstMoments: values(state.firstMoments),
    secondMoments: values(state.secondMoments),
    scaler: state.scaler.value,
  };
}

function composeAdamW(
  state: AdamWState,
  gradients: readonly Tensor[],
  options: AdamWOptions,
): Tensor {
  const scaler = state.scaler.value;
  const [scale, goodSteps, steps, skippedSteps] = tf.unstack(scaler);
  const norm = gradientNorm(gradients, scale);
  const isGood = tf.isFinite(norm);
  const good = tf.cast(isGood, "float32");
  const skipped = tf.sub(1, good);
  const newSteps = tf.add(steps, good);

  const factor = tf.div(clipping(norm, options.maxGradientNorm), scale);
  // A step that is skipped at t = 0 must not divide by zero.
  const t = tf.maximum(newSteps, 1);
  const correction1 = oneMinusPower(options.beta1, t);
  const correction2 = tf.sqrt(oneMinusPower(options.beta2, t));
  for (let index = 0; index < gradients.length; index++) {
    const gradient = tf.mul(gradients[index], factor);
    updateParameter(state, index, { gradient, isGood, correction1, correction2, options });
  }

  const report = tf.stack([norm, scale, skipped]);
  const [newScale, newGoodSteps] = updateScale(scale, goodSteps, isGood, options.growthInterval);
  const newScaler = [newScale, newGoodSteps, newSteps, tf.add(skippedSteps, skipped)];
  state.scaler.assign(tf.keep(tf.stack(newScaler)));
  return report;
}

/** ‖gradients / scale‖ over all of them. */
function gradientNorm(gradients: readonly Tensor[], scale: Tensor): Tensor {
  const squares = gradients.map((gradient) => {
    return tf.tidy(() => tf.sum(tf.square(tf.div(gradient, scale))));
  });
  return tf.sqrt(tf.sum(tf.stack(squares)));
}

function clipping(norm: Tensor, maximum: number | null): Tensor {
  return maximum === null ? tf.scalar(1) : tf.minimum(tf.div(maximum, tf.add(norm, 1e-6)), 1);
}

/**
 * 1 − betaᵗ. Subtracting would lose four digits out of five at t = 1 and beta = 0.999, so if x =
 * −t·ln beta is small, its series is used: x·(1 − x/2·(1 − x/3·(…))).
 */
function oneMinusPower(beta: number, t: Tensor): Tensor {
  if (beta === 0) return tf.onesLike(t);
  const x = tf.mul(t, -Math.log(beta));
  const near = tf.minimum(x, 1);
  let series: Tensor = tf.scalar(1);
  for (let n = 11; n >= 2; n--) series = tf.sub(1, tf.mul(tf.div(near, n), series));
  return tf.where(tf.less(x, 1), tf.mul(near, series), tf.sub(1, tf.exp(tf.neg(x))));
}

function updateParameter(
  state: AdamWState,
  index: number,
  { gradient, isGood, correction1, correction2, options }: {
    gradient: Tensor;
    isGood: Tensor;
    correction1: Tensor;
    correction2: Tensor;
    options: AdamWOptions;
  },
): void {
  const { beta1, beta2, epsilon } = options;
  const [learningRate, weightDecay] = [options.learningRates[index], options.weightDecays[index]];
  const parameter = state.parameters[index];
  const first = state.firstMoments[index];
  const second = state.secondMoments[index];
  const [newFirst, newSecond, newValue] = tf.tidy(() => {
    const m = tf.add(tf.mul(first.value, beta1), tf.mul(gradient, 1 - beta1));
    const v = tf.add(tf.mul(second.value, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const denominator = tf.add(tf.div(tf.sqrt(v), correction2), epsilon);
    const step = tf.mul(tf.div(tf.div(m, correction1), denominator), learningRate);
    const value = tf.sub(tf.mul(parameter.value, 1 - learningRate * weightDecay), step);
    return [
      tf.where(isGood, m, first.value),
      tf.where(isGood, v, second.value),
      tf.where(isGood, value, parameter.value),
    ];
  });
  gradient.dispose();
  first.assign(tf.keep(newFirst));
  second.assign(tf.keep(newSecond));
  parameter.assign(tf.keep(newValue));
}

/** GradScaler's rule for the new loss scale and consecutive good steps; a constant scale ends as NaN. */
function updateScale(
  scale: Tensor,
  goodSteps: Tensor,
  isGood: Tensor,
  growthInterval: number | null,
): [Tensor, Tensor] {
  if (growthInterval === null) return [tf.where(isGood, scale, tf.mul(scale, NaN)), goodSteps];
  const next = tf.add(goodSteps, 1);
  const grows = tf.greaterEqual(next, growthInterval);
  const zero = tf.zerosLike(goodSteps);
  return [
    tf.where(isGood, tf.where(grows, tf.mul(scale, 2), scale), tf.mul(scale, 0.5)),
    tf.where(isGood, tf.where(grows, zero, next), zero),
  ];
}
