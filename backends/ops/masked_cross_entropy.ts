import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../watch.ts";
import { gatherRows } from "./_gather_rows.ts";
import { alias, asRows } from "./_alias.ts";
import { detached, recordKernel } from "./_record_kernel.ts";
import { roundGradient, roundTo, roundValue } from "./round_to.ts";

/** Arguments of {@link maskedCrossEntropy}. */
export interface MaskedCrossEntropyArguments {
  /** [B, N, C] or [R, C]. */
  readonly x: Tensor;
  /** int32 [M], each at most once: rows of `x` seen as [R, C]. */
  readonly positions: Tensor;
  /** [K, C]. */
  readonly weight: Tensor;
  /** [K]. */
  readonly bias: Tensor;
  /** int32 [M], 0 … K − 1. */
  readonly targets: Tensor;
}

/**
 * Softmax cross-entropy of a linear head at the masked positions only (paper, equation 5): `loss` []
 * is the mean over them, `correct` [] the share where the largest logit is the target's (no gradient).
 *
 * @example Without knowledge the loss is the logarithm of the number of codes
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { maskedCrossEntropy } from "./masked_cross_entropy.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const { loss } = maskedCrossEntropy({ backend, precision: "float32" }, {
 *     x: tf.ones([1, 4, 2]),
 *     positions: tf.tensor1d([1, 3], "int32"),
 *     weight: tf.zeros([8, 2]),
 *     bias: tf.zeros([8]),
 *     targets: tf.tensor1d([5, 0], "int32"),
 *   });
 *   if (Math.abs(loss.dataSync()[0] - Math.log(8)) > 1e-6) throw new Error(`${loss}`);
 * });
 * ```
 */
export function maskedCrossEntropy(
  on: Context,
  args: MaskedCrossEntropyArguments,
): { loss: Tensor; correct: Tensor } {
  const run = on.backend.kernels.maskedCrossEntropy === undefined
    ? composeMaskedCrossEntropy
    : fuseMaskedCrossEntropy;
  let correct: Tensor | undefined;
  const loss = observed(on, "maskedCrossEntropy", [args.weight, args.bias], (on) => {
    const computed = run(on, args);
    correct = computed.correct;
    return computed.loss;
  });
  return { loss, correct: correct! };
}

function composeMaskedCrossEntropy(
  on: Context,
  { x, positions, weight, bias, targets }: MaskedCrossEntropyArguments,
): { loss: Tensor; correct: Tensor } {
  const all = tf.reshape(x, [-1, weight.shape[1]!]);
  const rows = roundTo(on, gatherRows(all, positions));
  const product = tf.matMul(rows, roundValue(on, weight), false, true);
  const logits = tf.add(roundGradient(on, product), bias);
  const isTarget = tf.oneHot(targets, weight.shape[0]);
  const logLikelihood = tf.sum(tf.mul(tf.logSoftmax(logits), isTarget), -1);
  const [correct] = detached(() => [
    tf.mean(tf.cast(tf.equal(tf.argMax(logits, -1), targets), "float32")),
  ]);
  return { loss: tf.neg(tf.mean(logLikelihood)), correct };
}

function fuseMaskedCrossEntropy(
  { backend, precision }: Context,
  { x, positions, weight, bias, targets }: MaskedCrossEntropyArguments,
): { loss: Tensor; correct: Tensor } {
  const kernel = backend.kernels.maskedCrossEntropy!;
  const [loss, correct] = recordKernel({
    inputs: { x, weight, bias },
    forward: () => {
      const args = { x: asRows(x), positions, weight, bias, targets, precision };
      const { loss, correct, saved } = kernel.forward(args);
      return { outputs: [loss, correct], saved: [positions, targets, ...saved] };
    },
    backward: ([dloss], inputs, [positions, targets, ...saved]) => {
      const rest = { dloss, positions, targets, saved, precision };
      const { dx, dweight, dbias } = kernel.backward({ ...inputs, x: asRows(inputs.x), ...rest });
      return { x: alias(dx, inputs.x.shape), weight: dweight, bias: dbias };
    },
  });
  return { loss, correct };
}
