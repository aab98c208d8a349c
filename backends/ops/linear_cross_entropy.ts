import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { detached, recordKernel } from "../tfjs/record_kernel.ts";
import { roundGradient, roundTo, roundValue } from "./round_to.ts";

/** Arguments of {@link linearCrossEntropy}. */
export interface LinearCrossEntropyArguments {
  /** [M, C]. */
  readonly x: Tensor;
  /** [K, C]. */
  readonly weight: Tensor;
  /** [K]. */
  readonly bias: Tensor;
  /** int32 [M], 0 … K − 1. */
  readonly targets: Tensor;
}

/**
 * Softmax cross-entropy of a linear head (paper, equation 5): `loss` [] is the mean over the rows, `correct` []
 * the share of rows whose largest logit is the target's (no gradient). A fused kernel computes the logits in
 * parts, so that they never all exist at the same time.
 *
 * @example Without any knowledge, the loss is the logarithm of the number of codes
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { linearCrossEntropy } from "./linear_cross_entropy.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const { loss } = linearCrossEntropy({ backend, precision: "float32" }, {
 *     x: tf.ones([2, 2]),
 *     weight: tf.zeros([8, 2]),
 *     bias: tf.zeros([8]),
 *     targets: tf.tensor1d([5, 0], "int32"),
 *   });
 *   if (Math.abs(loss.dataSync()[0] - Math.log(8)) > 1e-6) throw new Error(`${loss}`);
 * });
 * ```
 */
export function linearCrossEntropy(
  on: Context,
  args: LinearCrossEntropyArguments,
): { loss: Tensor; correct: Tensor } {
  const run = on.backend.kernels.linearCrossEntropy === undefined
    ? composeLinearCrossEntropy
    : fuseLinearCrossEntropy;
  let correct: Tensor | undefined;
  const loss = observed(on, "linearCrossEntropy", [args.weight, args.bias], (on) => {
    const computed = run(on, args);
    correct = computed.correct;
    return computed.loss;
  });
  return { loss, correct: correct! };
}

function composeLinearCrossEntropy(
  on: Context,
  { x, weight, bias, targets }: LinearCrossEntropyArguments,
): { loss: Tensor; correct: Tensor } {
  const product = tf.matMul(roundTo(on, x), roundValue(on, weight), false, true);
  const logits = tf.add(roundGradient(on, product), bias);
  const isTarget = tf.oneHot(targets, weight.shape[0]);
  const logLikelihood = tf.sum(tf.mul(tf.logSoftmax(logits), isTarget), -1);
  const [correct] = detached(() => [
    tf.mean(tf.cast(tf.equal(tf.argMax(logits, -1), targets), "float32")),
  ]);
  return { loss: tf.neg(tf.mean(logLikelihood)), correct };
}

function fuseLinearCrossEntropy(
  { backend, precision }: Context,
  { x, weight, bias, targets }: LinearCrossEntropyArguments,
): { loss: Tensor; correct: Tensor } {
  const kernel = backend.kernels.linearCrossEntropy!;
  const [loss, correct] = recordKernel({
    inputs: { x, weight, bias },
    forward: () => {
      const { loss, correct, saved } = kernel.forward({ x, weight, bias, targets, precision });
      return { outputs: [loss, correct], saved: [targets, ...saved] };
    },
    backward: ([dloss], inputs, [targets, ...saved]) => {
      const rest = { dloss, targets, saved, precision };
      const { dx, dweight, dbias } = kernel.backward({ ...inputs, ...rest });
      return { x: dx, weight: dweight, bias: dbias };
    },
  });
  return { loss, correct };
}
